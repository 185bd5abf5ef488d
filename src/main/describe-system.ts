import { existsSync, readFileSync } from 'node:fs';
import { silentLog } from '../base/log.ts';
import type { Config } from './config.ts';
import { composeImages } from './packages.ts';

/** Where sandboxes look, whatever the server's own `PATH` is. */
const systemDirectories = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin'];
const managers = { cargo: 'cargo', gem: 'gem', go: 'go', npm: 'npm', pip: 'pip3' } as const;

/** Lines for `anthill doctor`: what sandboxes see as their system, and what can be installed. */
export async function describeSystem(config: Config): Promise<readonly string[]> {
  const { rootfs, sandbox } = config;
  if (sandbox.provider === 'container')
    return [`system     the image ${sandbox.image}, with its package managers; none of apt`];
  const problem = (await composeImages(config, silentLog).problem()) ?? overlayProblem();
  const source = rootfs.image ?? `Debian ${rootfs.suite}, built when it is first needed`;
  const system =
    rootfs.type === 'image'
      ? `an image: ${problem ?? source}`
      : "this machine's /usr, read-only (rootfs: {type: image} in anthill.yaml for one of its own)";
  const found = Object.entries(managers).flatMap(([name, program]) =>
    systemDirectories.some((directory) => existsSync(`${directory}/${program}`)) ? [name] : [],
  );
  const missing = Object.keys(managers).filter((name) => !found.includes(name));
  const absent = missing.length === 0 ? '' : `; not installed on this machine: ${missing.join(', ')}`;
  return [
    `system     ${system}`,
    ...(rootfs.type === 'image' ? [] : [`packages   ${found.join(', ') || 'none'}${absent}`]),
    `apt        ${problem ?? `into ${source}`}`,
  ];
}

function overlayProblem(): string | null {
  if (process.getuid?.() !== 0) return 'packages of apt need a server that runs as root';
  const known = readFileSync('/proc/filesystems', 'utf8');
  return /\boverlay\b/.test(known)
    ? null
    : 'the kernel has no overlay file system: run `modprobe overlay` as root';
}
