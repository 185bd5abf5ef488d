import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SandboxProvider } from '../../src/domain/sandbox.ts';
import { createContainerProvider } from '../../src/hands/containers/provider.ts';
import { openDoors } from '../support/egress.ts';
import { startPodman } from '../support/podman.ts';
import { bubblewrapProvider, specIn } from '../support/sandbox.ts';
import type { Row } from './statistics.ts';
import { table, timesRow } from './statistics.ts';

const rounds = 40;

/** From the request to a sandbox that answers, and from there until it is gone, with bubblewrap and with Podman. */
export async function benchSandboxes(directory: string): Promise<void> {
  const bubblewrap = bubblewrapProvider(join(directory, 'bubblewrap'));
  const rows = [
    timesRow('floor: true', runsOf('true', [])),
    timesRow('floor: bare bwrap … true', runsOf('bwrap', bareBwrap)),
    ...(await provisioned(directory, 'bubblewrap', bubblewrap)),
    ...(await used(directory, bubblewrap)),
  ];
  const engine = await startPodman();
  if ('skip' in engine) {
    console.log(`${table(rows)}\n${engine.skip}`);
    return;
  }
  const dataDir = join(directory, 'containers');
  mkdirSync(dataDir, { mode: 0o700 });
  const { socket, image } = engine;
  const uid = process.getuid?.() ?? 0;
  const provider = createContainerProvider({ socket, image, runtime: null, dataDir, uid });
  console.log(table([...rows, ...(await provisioned(directory, 'container', provider))]));
  await engine.close();
}

async function provisioned(directory: string, name: string, provider: SandboxProvider): Promise<Row[]> {
  const ms: Record<'plain' | 'door' | 'end', number[]> = { plain: [], door: [], end: [] };
  const spec = specIn(directory, name);
  const doors = openDoors(join(directory, name));
  const { unavailable } = await provider.capabilities();
  if (unavailable !== null) throw new Error(unavailable);
  for (let round = 0; round < rounds; round++) {
    const begun = performance.now();
    const plain = await provider.provision(spec, AbortSignal.timeout(60_000));
    ms.plain.push(performance.now() - begun);
    const ending = performance.now();
    await plain.destroy();
    ms.end.push(performance.now() - ending);
    const begunAgain = performance.now();
    const { close, ...way } = await doors.open('sesn_1');
    const mounts = [...spec.mounts, ...way.mounts];
    const open = await provider.provision({ ...spec, ...way, mounts }, AbortSignal.timeout(60_000));
    ms.door.push(performance.now() - begunAgain);
    await open.destroy();
    await close();
  }
  return [
    timesRow(`${name}, without a door`, ms.plain),
    timesRow(`${name}, with a door`, ms.door),
    timesRow(`${name}, until it is gone`, ms.end),
  ];
}

/** The least that bubblewrap can be asked for. */
const bareBwrap = ['--unshare-all', '--ro-bind', '/', '/', '/bin/true'];

function runsOf(program: string, args: readonly string[]): number[] {
  return Array.from({ length: rounds }, () => {
    const begun = performance.now();
    execFileSync(program, args);
    return performance.now() - begun;
  });
}

const manyAtOnce = 50;

/** What a sandbox that is there takes: time for a program, and memory. */
async function used(directory: string, provider: SandboxProvider): Promise<Row[]> {
  const before = new Set(processes());
  const sandbox = await provider.provision(specIn(directory, 'used'), AbortSignal.timeout(60_000));
  const own = processes().filter((pid) => !before.has(pid));
  const kibibytes = own.reduce((sum, pid) => sum + proportionalKibibytes(pid), 0);
  console.log(`one idle sandbox: ${(kibibytes / 1024).toFixed(1)} MiB (PSS) in ${own.length} processes`);
  const ms: number[] = [];
  for (let round = 0; round < 10 * rounds; round++) {
    const begun = performance.now();
    const running = sandbox.exec({ argv: ['/bin/true'], onStdout() {}, onStderr() {} });
    running.endInput();
    await running.exited;
    ms.push(performance.now() - begun);
  }
  await sandbox.destroy();
  const atOnce = await Promise.all(
    Array.from({ length: manyAtOnce }, async (_, index) => {
      const spec = specIn(directory, `many-${index}`);
      const begun = performance.now();
      const one = await provider.provision(spec, AbortSignal.timeout(60_000));
      return { one, ms: performance.now() - begun };
    }),
  );
  await Promise.all(atOnce.map(({ one }) => one.destroy()));
  return [
    timesRow('bubblewrap, a program in it', ms),
    timesRow(
      `bubblewrap, ${manyAtOnce} at once`,
      atOnce.map((one) => one.ms),
    ),
  ];
}

function processes(): string[] {
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name));
}

/** Memory of a process, what it shares divided by those it shares it with. */
function proportionalKibibytes(pid: string): number {
  const [, text = '0'] = /^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')) ?? [];
  return Number(text);
}
