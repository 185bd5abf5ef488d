import { mkdirSync } from 'node:fs';
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
  const rows = await provisioned(directory, 'bubblewrap', bubblewrapProvider(join(directory, 'bubblewrap')));
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
