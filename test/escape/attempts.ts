import { execFileSync, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import {
  chmodSync,
  closeSync,
  copyFileSync,
  globSync,
  mkdirSync,
  openSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';

/** One way out, and what came of it. `control`: who is known to get out by it on the host. */
export type Outcome = {
  readonly name: string;
  readonly control: 'nowhere' | 'anyone' | 'root';
  readonly gotOut: boolean;
  readonly detail: string;
};

export type Settings = Readonly<Record<string, string | number>>;

/** What attempts would find on the host, put there for them. */
export type Bait = {
  /** The same for every sandbox. */
  readonly settings: Settings;
  /** Runs all attempts on the host, as a control. */
  control(): Promise<readonly Outcome[]>;
  close(): void;
};

const sources = globSync('attempts/*.c', { cwd: import.meta.dirname }).map((file) =>
  join(import.meta.dirname, file),
);

export function compileAttempts(target: string): void {
  execFileSync('cc', ['-O1', '-w', '-static', '-o', target, ...sources]);
}

export function argumentsOf(settings: Settings): string[] {
  return ['try', ...Object.entries(settings).map(([name, value]) => `${name}=${value}`)];
}

/** Throws unless all attempts were made: one that ends the program must not hide the rest. */
export function outcomesIn(output: string): readonly Outcome[] {
  if (!output.trimEnd().endsWith('all tried')) throw new Error(`not all was tried: ${output.slice(-500)}`);
  return output
    .trimEnd()
    .split('\n')
    .slice(0, -1)
    .map((line) => {
      const [name = '', control = '', verdict, detail = ''] = line.split('\t');
      // One of the three words in main.c.
      return { name, control: control as Outcome['control'], gotOut: verdict !== 'held', detail };
    });
}

/** `directory` is the host's: a data directory, another session's workspace and a canary in it are to be kept from sandboxes. */
export async function layBait(directory: string, program: string): Promise<Bait> {
  const place = (name: string) => join(directory, name);
  const home = place('host');
  for (const path of [home, place('host/privileged'), place('host/readonly'), place('host/other')])
    mkdirSync(path);
  writeFileSync(place('host/canary'), 'canary');
  writeFileSync(place('host/readonly/file'), 'before');
  copyFileSync(program, place('host/init'));
  const shmFile = `/dev/shm/anthill-canary-${process.pid}`;
  writeFileSync(shmFile, 'canary', { mode: 0o666 });
  const abstract = `anthill-canary-${process.pid}`;
  const hidden = createServer().listen(`\0${abstract}`);
  const ownSocket = createServer().listen(place('host/socket'));
  const service = createServer((socket) => socket.on('error', () => {}).end('canary')).listen(0);
  const echo = createSocket('udp4').bind(0);
  echo.on('message', (bytes, from) => echo.send(bytes, from.port, from.address));
  await Promise.all([once(service, 'listening'), once(echo, 'listening'), once(ownSocket, 'listening')]);
  writeFileSync(place('host/input'), '');
  const input = openSync(place('host/input'), 'r+');
  const victim = spawn('sleep', ['600'], {
    stdio: [input, 'ignore', 'ignore'],
    env: { SECRET_OF_THE_SERVER: 'canary' },
  });
  closeSync(input);
  const memory = sharedMemory(program);
  const settings = {
    canary: place('host/canary'),
    other: place('host/other'),
    data: home,
    home: import.meta.dirname,
    socket: place('host/socket'),
    abstract,
    port: (service.address() as AddressInfo).port,
    udp_port: echo.address().port,
    address: ownAddress(),
    victim: victim.pid ?? 0,
    shm_file: shmFile,
    memory_key: memory.key,
  };
  return {
    settings,
    control: () => runOutside(directory, program, settings),
    close() {
      victim.kill('SIGKILL');
      for (const server of [hidden, ownSocket, service]) server.close();
      echo.close();
      memory.remove();
      rmSync(shmFile, { force: true });
    },
  };
}

/** In mounts of its own, so that what is mounted is gone with it. */
async function runOutside(
  directory: string,
  program: string,
  settings: Settings,
): Promise<readonly Outcome[]> {
  const isRoot = process.getuid?.() === 0;
  const host = join(directory, 'host');
  if (isRoot) {
    // Whoever is nobody runs these.
    for (const path of [directory, host, join(host, 'privileged')]) chmodSync(path, 0o755);
    execFileSync(program, ['prepare', join(host, 'privileged')]);
  }
  const all = {
    ...settings,
    scratch: join(host, 'scratch'),
    supervisor: settings['victim'] ?? 0,
    init: join(host, 'init'),
    readonly: join(host, 'readonly'),
    readonly_file: 'file',
    privileged: join(host, 'privileged'),
    freezable: '/proc/self',
    has_door: 0,
  };
  const command = [program, ...argumentsOf(all)];
  const [first = '', ...rest] = isRoot
    ? ['unshare', '--mount', '--propagation', 'private', ...command]
    : command;
  const tried = spawn(first, rest, {
    env: { PATH: process.env['PATH'] ?? '', SECRET_OF_THE_SERVER: 'canary' },
    // The fourth is one to inherit.
    stdio: ['ignore', 'pipe', 'inherit', 'pipe'],
  });
  let output = '';
  tried.stdout?.on('data', (bytes: Buffer) => {
    output += bytes.toString();
  });
  await once(tried, 'close');
  return outcomesIn(output);
}

/** An address of this machine that is not loopback's, where it has one. */
function ownAddress(): string {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return all.find(({ family, internal }) => family === 'IPv4' && !internal)?.address ?? '127.0.0.1';
}

function sharedMemory(program: string): { readonly key: number; remove(): void } {
  const key = 0x5a000000 + process.pid;
  execFileSync(program, ['share', String(key)]);
  return { key, remove: () => void execFileSync(program, ['unshare', String(key)]) };
}

export function filesIn(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}
