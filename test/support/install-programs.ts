import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

const wanted = [
  { program: 'podman', packages: ['podman', 'runc'], tests: 'container sandboxes' },
  { program: '/usr/sbin/pgbouncer', packages: ['pgbouncer'], tests: 'a pooler' },
  { program: 'faketime', packages: ['faketime'], tests: 'clocks that are set' },
  { program: 'ip', packages: ['iproute2'], tests: 'machines and the links between them' },
] as const;

/** What some tests need, installed where that is allowed. Without it those tests are skipped, and say so. */
export function installPrograms(say: (line: string) => void): void {
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) return;
  for (const { program, packages, tests } of wanted) {
    if (spawnSync(program, ['-h']).error === undefined) continue;
    say(`${program} is missing; installing it with apt-get for the tests of ${tests} …`);
    install(packages);
  }
}

function install(packages: readonly string[]): void {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const run = () =>
    spawnSync('apt-get', ['install', '-y', '--no-install-recommends', ...packages], { env }).status;
  if (run() === 0) return;
  spawnSync('apt-get', ['update'], { env });
  run();
}
