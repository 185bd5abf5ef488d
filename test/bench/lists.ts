import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '../../src/base/clock.ts';
import { openStore } from '../../src/store/open.ts';
import { casesOf } from './list-cases.ts';
import { load, matches } from './list-load.ts';
import type { Seed } from './list-seed.ts';
import { plant } from './list-seed.ts';
import type { Row } from './statistics.ts';
import { quantile, table } from './statistics.ts';

const sizes = [10, 1_000, 100_000, 1_000_000];
const samplesMax = 200;
const sampleMsMax = 150;

/** The time of one page, from the query to the items, of lists that differ in their length only. */
export async function benchLists(directory: string): Promise<void> {
  const seed = await plant(join(directory, 'lists'));
  const dataDir = join(directory, 'lists-loaded');
  // Nothing is measured before all code has run.
  await pageTimes(seed, dataDir, matches);
  const columns: Times[] = [];
  for (const size of sizes) columns.push(await pageTimes(seed, dataDir, size));
  const [shortest, longest] = [columns.at(0), columns.at(-1)];
  const rows = [...(shortest?.keys() ?? [])].map((name): Row => {
    const cells = sizes.map((size, index) => [spaced(size), columns[index]?.get(name) ?? null]);
    const ratio = (longest?.get(name) ?? 0) / (shortest?.get(name) ?? 1);
    return { name, cells: { ...Object.fromEntries(cells), ratio } };
  });
  console.log(`${table(rows)}\n\nms a page of ${matches}`);
}

/** Milliseconds by the name of the case. */
type Times = ReadonlyMap<string, number>;

async function pageTimes(seed: Seed, dataDir: string, size: number): Promise<Times> {
  load(seed, dataDir, size);
  const store = await openStore({ dataDir, clock: systemClock, afterCommit() {} });
  const times = new Map<string, number>();
  for (const [name, page] of casesOf(store, seed, size)) times.set(name, await median(page));
  await store.close();
  rmSync(dataDir, { recursive: true });
  return times;
}

const spaced = (size: number) => size.toLocaleString('en').replaceAll(',', ' ');

async function median(page: () => Promise<readonly unknown[]>): Promise<number> {
  const items = await page();
  if (items.length < matches) throw new Error(`a page of ${items.length} items`);
  const ms: number[] = [];
  const begun = performance.now();
  while (ms.length < samplesMax && (ms.length < 5 || performance.now() - begun < sampleMsMax)) {
    const start = performance.now();
    await page();
    ms.push(performance.now() - start);
  }
  return quantile(ms, 0.5);
}
