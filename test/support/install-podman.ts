import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

/**
 * Podman and a runtime for the tests of container sandboxes, installed where that is allowed. Without them those tests are
 * skipped, and say so.
 */
export function installPodman(say: (line: string) => void): void {
  const isThere = spawnSync('podman', ['--version']).error === undefined;
  if (isThere || process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) return;
  say('podman is missing; installing it with apt-get for the tests of container sandboxes …');
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const install = () =>
    spawnSync('apt-get', ['install', '-y', '--no-install-recommends', 'podman', 'runc'], { env });
  if (install().status === 0) return;
  spawnSync('apt-get', ['update'], { env });
  install();
}
