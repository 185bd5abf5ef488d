import type { ChildProcess } from 'node:child_process';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** An engine of containers of our own: its images, containers and socket lie in one temporary directory. */
export type ContainerEngine = {
  readonly socket: string;
  readonly image: string;
  /** Ids of those that there are, ended ones too. */
  containers(): readonly string[];
  close(): Promise<void>;
};

/** What cannot be tested here, and why. */
export type NoEngine = { readonly skip: string };

const programs =
  'bash sh cp whoami ls cat sleep head tail tr wc seq stat du touch mkdir rm ln env id grep sed cut sort ps curl find chmod readlink timeout setsid mount';
const image = 'localhost/anthill-test:latest';

/** Podman with an image of some of this machine's programs, where containers can be started at all. */
export async function startPodman(): Promise<ContainerEngine | NoEngine> {
  if (spawnSync('podman', ['--version']).error) return { skip: 'podman is not installed' };
  // Short: it holds sockets.
  const directory = mkdtempSync(join(tmpdir(), 'pod-'));
  let reason = '';
  for (const storage of ['overlay', 'vfs']) {
    const engine = configure(join(directory, storage), storage);
    reason = importImage(engine, directory) || tryImage(engine);
    if (reason === '') return await serve(engine, directory);
  }
  await discard(directory, { flags: [], env: process.env });
  return { skip: `podman starts no container here: ${reason}` };
}

const discardTriesMax = 100;

type Podman = { readonly flags: readonly string[]; readonly env: NodeJS.ProcessEnv };

function configure(directory: string, storage: string): Podman {
  mkdirSync(directory);
  const runtime = spawnSync('runc', ['--version']).error ? '' : 'runtime = "runc"\n';
  const conf = join(directory, 'containers.conf');
  // What the defaults ask for, a machine within a machine may not give.
  writeFileSync(
    conf,
    `[containers]\ndefault_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]\n[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\n${runtime}`,
  );
  const place = (name: string) => join(directory, name);
  return {
    flags: [
      ...['--root', place('root'), '--runroot', place('run'), '--tmpdir', place('tmp')],
      ...['--storage-driver', storage],
    ],
    env: { ...process.env, CONTAINERS_CONF: conf },
  };
}

/** Programs with their libraries, in a tree where /bin and /lib are links. */
function importImage({ flags, env }: Podman, directory: string): string {
  const tree = join(directory, 'tree');
  if (!existsSync(tree)) makeTree(tree);
  const archive = join(directory, 'image.tar');
  execFileSync('tar', ['-C', tree, '-cf', archive, '.']);
  const done = spawnSync('podman', [...flags, 'import', archive, image], { env, encoding: 'utf8' });
  rmSync(archive);
  return done.status === 0 ? '' : done.stderr.trim();
}

function makeTree(tree: string): void {
  for (const name of ['bin', 'sbin', 'lib', 'lib64']) {
    mkdirSync(join(tree, 'usr', name), { recursive: true });
    symlinkSync(`usr/${name}`, join(tree, name));
  }
  const found = execFileSync('sh', ['-c', `command -v ${programs.split(' ').join('; command -v ')}`], {
    encoding: 'utf8',
  });
  const paths = found.trim().split('\n');
  const libraries = spawnSync('ldd', paths, { encoding: 'utf8' }).stdout.match(/(?<=\s)\/\S+(?= \()/g) ?? [];
  for (const path of new Set([...paths, ...libraries])) {
    const target = join(tree, path.startsWith('/usr/') ? path : `/usr${path}`);
    mkdirSync(dirname(target), { recursive: true });
    cpSync(realpathSync(path), target);
  }
}

function tryImage({ flags, env }: Podman): string {
  const args = ['run', '--rm', '--network', 'none', '--cap-drop', 'ALL', image, '/bin/sh', '-c', 'exit 0'];
  const tried = spawnSync('podman', [...flags, ...args], { env, encoding: 'utf8' });
  return tried.status === 0 ? '' : tried.stderr.trim() || 'it said nothing';
}

async function serve({ flags, env }: Podman, directory: string): Promise<ContainerEngine> {
  const socket = join(directory, 'podman.sock');
  const service = spawn('podman', [...flags, 'system', 'service', '--time=0', `unix://${socket}`], {
    // Its monitors leave files where they are.
    cwd: directory,
    env,
    stdio: 'ignore',
  });
  service.unref();
  for (let tries = 0; !existsSync(socket); tries++) {
    if (tries > 500 || service.exitCode !== null) throw new Error('the service of podman did not start');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return {
    socket,
    image,
    containers: () =>
      spawnSync('podman', [...flags, 'ps', '--all', '--quiet'], { env, encoding: 'utf8' })
        .stdout.split('\n')
        .filter((id) => id !== ''),
    async close() {
      spawnSync('podman', [...flags, 'rm', '--all', '--force', '--time', '0'], { env });
      await end(service);
      await discard(directory, { flags, env });
    },
  };
}

/**
 * Storage is mounted as long as it lies there, and holds files of users who are nobody outside. What podman does when a container
 * has ended may still go on, and mounts it once more.
 */
async function discard(directory: string, { flags, env }: Podman): Promise<void> {
  if (process.getuid?.() !== 0) spawnSync('podman', [...flags, 'unshare', 'rm', '-rf', directory], { env });
  for (let tries = 1; ; tries++) {
    const mounted = readFileSync('/proc/self/mounts', 'utf8')
      .split('\n')
      .map((line) => line.split(' ')[1] ?? '')
      .filter((path) => path.startsWith(`${directory}/`));
    for (const path of mounted.reverse()) spawnSync('umount', ['--lazy', path]);
    try {
      return rmSync(directory, { recursive: true, force: true });
    } catch (cause) {
      if (tries === discardTriesMax) throw cause;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function end(service: ChildProcess): Promise<void> {
  if (service.exitCode !== null) return;
  service.ref();
  const exited = once(service, 'exit');
  service.kill('SIGTERM');
  await exited;
}
