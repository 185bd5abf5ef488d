import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { silentLog } from '../../src/base/log.ts';
import { layerVariables, packagesPlace } from '../../src/domain/packages.ts';
import type { SandboxProvider, SandboxSpec } from '../../src/domain/sandbox.ts';
import { createImages } from '../../src/hands/images/images.ts';
import { bubblewrapProvider, specIn } from '../support/sandbox.ts';
import { makeSmallSystem } from '../support/small-system.ts';
import { table, timesRow } from './statistics.ts';

const rounds = 30;
const atOnce = 50;
const filesInLayer = 2_000;
const isRoot = process.getuid?.() === 0;

/** From the request to a sandbox that answers: without packages, with some, and with an image and a layer of apt. */
export async function benchPackages(directory: string): Promise<void> {
  const provider = bubblewrapProvider(join(directory, 'packages-data'));
  const spec = specIn(directory, 'packages');
  const ways: { readonly name: string; readonly spec: SandboxSpec; readonly ms: number[] }[] = [
    { name: 'no packages', spec, ms: [] },
    { name: `a layer of ${filesInLayer} files`, spec: withLayer(spec, directory), ms: [] },
  ];
  if (isRoot)
    ways.push({ name: 'an image and a layer of apt', spec: await withImage(spec, directory), ms: [] });
  for (let round = 0; round < rounds; round++)
    for (const way of ways) way.ms.push(await once(provider, way.spec));
  console.log(table(ways.map(({ name, ms }) => timesRow(name, ms))));

  const shared = [];
  for (const { name, spec: wanted } of ways) {
    const begun = performance.now();
    const many = Array.from({ length: atOnce }, (_, index) => specIn(directory, `many-${index}`));
    const sandboxes = await Promise.all(
      many.map(({ id, mounts }) =>
        provider.provision(
          { ...wanted, id, mounts: [...mounts, ...wanted.mounts.slice(mounts.length)] },
          limit(),
        ),
      ),
    );
    shared.push(timesRow(`${atOnce} at once, ${name}`, [performance.now() - begun]));
    await Promise.all(sandboxes.map((sandbox) => sandbox.destroy()));
  }
  console.log(`\n${table(shared)}`);
}

const limit = () => AbortSignal.timeout(60_000);

async function once(provider: SandboxProvider, spec: SandboxSpec): Promise<number> {
  const begun = performance.now();
  const sandbox = await provider.provision(spec, limit());
  const ms = performance.now() - begun;
  await sandbox.destroy();
  return ms;
}

function withLayer(spec: SandboxSpec, directory: string): SandboxSpec {
  const host = join(directory, 'layer');
  mkdirSync(host);
  for (let index = 0; index < filesInLayer; index++) writeFileSync(join(host, String(index)), 'x');
  const mount = { host, sandbox: packagesPlace, readOnly: true, isShared: true as const };
  return { ...spec, environment: layerVariables, mounts: [...spec.mounts, mount] };
}

async function withImage(spec: SandboxSpec, directory: string): Promise<SandboxSpec> {
  const image = join(directory, 'small');
  makeSmallSystem(image, 'http://mirror.test');
  const images = createImages({
    directory: join(directory, 'images'),
    settings: { type: 'image', image, mirror: null, suite: 'bookworm', include: [] },
    isRoot,
    path: '',
    log: silentLog,
  });
  const layer = join(directory, 'apt-layer');
  mkdirSync(layer);
  await images.beginLayer(layer);
  writeFileSync(join(layer, 'upper', 'x'), 'x');
  return { ...spec, system: { image: await images.find(limit()), layer } };
}
