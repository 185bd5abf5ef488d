import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createLastBytes } from '../tools/last-bytes.ts';
import type { RootfsSettings } from './images.ts';

type Tools = { readonly isRoot: boolean; readonly path: string };

const outputBytesMax = 64 * 1024;
const complaintCharacters = 500;
const advice = 'or name an image in anthill.yaml (rootfs: image: PATH)';

/** What keeps Debian from being built here, in one sentence; null: nothing. */
export function debianProblem({ isRoot, path }: Tools): string | null {
  if (findTool(path) === null)
    return `a system for packages of apt can be built once \`apt-get install mmdebstrap\` was run as root, ${advice}`;
  if (!isRoot) return `a system for packages of apt can be built where the server runs as root, ${advice}`;
  return null;
}

/**
 * The tools mount `/proc`, `/sys` and devices of this machine into the tree. Where nobody else sees it, nothing of that
 * is ever in the way of who removes a tree that was not finished; and they end when the server does.
 */
const confined = [
  ...['--pdeathsig', 'KILL', '--', 'unshare', '--mount', '--propagation', 'private'],
  ...['--pid', '--fork', '--kill-child', '--mount-proc', '--'],
];

/** A minimal Debian. It is built by Debian's own tools, as root of this machine: only a trusted mirror will do. */
export async function buildDebian(
  place: string,
  { settings, ...tools }: Tools & { readonly settings: RootfsSettings },
  signal: AbortSignal,
): Promise<void> {
  const problem = debianProblem(tools);
  const tool = findTool(tools.path);
  if (problem !== null || tool === null) throw new Error(problem ?? advice);
  const { suite, mirror, include } = settings;
  const variant = tool.endsWith('mmdebstrap') ? ['--mode=root', '--variant=apt'] : ['--variant=minbase'];
  const packages = include.length === 0 ? [] : [`--include=${include.join(',')}`];
  const target = [suite, place, ...(mirror === null ? [] : [mirror])];
  const env = { PATH: tools.path, DEBIAN_FRONTEND: 'noninteractive', LANG: 'C.UTF-8' };
  const said = createLastBytes(outputBytesMax);
  const building = spawn('setpriv', [...confined, tool, ...variant, ...packages, ...target], {
    env,
    signal,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  building.stderr.on('data', said.add);
  const code = await new Promise<number | null>((resolve, reject) => {
    building.once('error', reject);
    building.once('close', resolve);
  });
  const end = said.bytes().toString().trim().slice(-complaintCharacters).toWellFormed();
  if (code !== 0) throw new Error(`Debian ${suite} could not be built: ${end}`);
}

function findTool(path: string): string | null {
  const directories = path.split(':').filter((directory) => directory !== '');
  const candidates = ['mmdebstrap', 'debootstrap'].flatMap((name) =>
    directories.map((directory) => join(directory, name)),
  );
  return candidates.find((candidate) => existsSync(candidate)) ?? null;
}
