/** Milliseconds of every sample, and the wall time of the whole run. */
export type Samples = { readonly ms: readonly number[]; readonly wallMs: number };

export type Row = {
  readonly name: string;
  readonly p50: number;
  readonly p99: number;
  readonly perSecond: number | null;
};

export function rowOf(name: string, { ms, wallMs }: Samples): Row {
  const sorted = [...ms].sort((a, b) => a - b);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  return { name, p50: at(0.5), p99: at(0.99), perSecond: (ms.length / wallMs) * 1000 };
}

export function table(rows: readonly Row[]): string {
  const cell = (value: number | null) =>
    (value === null ? '' : value.toFixed(value < 10 ? 2 : 0)).padStart(10);
  const width = Math.max(...rows.map(({ name }) => name.length));
  const head = `${''.padEnd(width)}${['p50 ms', 'p99 ms', 'per s'].map((title) => title.padStart(10)).join('')}`;
  const lines = rows.map(
    ({ name, p50, p99, perSecond }) => `${name.padEnd(width)}${cell(p50)}${cell(p99)}${cell(perSecond)}`,
  );
  return [head, ...lines].join('\n');
}

/** Runs `work` for each of `lanes` lanes at once, `rounds` times in each, and times every round. */
export async function measure(
  lanes: number,
  rounds: number,
  work: (lane: number, round: number) => Promise<void>,
): Promise<Samples> {
  const ms: number[] = [];
  const begun = performance.now();
  await Promise.all(
    Array.from({ length: lanes }, async (_, lane) => {
      for (let round = 0; round < rounds; round++) {
        const start = performance.now();
        await work(lane, round);
        ms.push(performance.now() - start);
      }
    }),
  );
  return { ms, wallMs: performance.now() - begun };
}
