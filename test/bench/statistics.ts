/** Milliseconds of every sample, and the wall time of the whole run. */
export type Samples = { readonly ms: readonly number[]; readonly wallMs: number };

/** A line of a table: its cells by the title of their column. */
export type Row = { readonly name: string; readonly cells: Readonly<Record<string, number | null>> };

export function rowOf(name: string, { ms, wallMs }: Samples): Row {
  const perSecond = (ms.length / wallMs) * 1000;
  return { name, cells: { 'p50 ms': quantile(ms, 0.5), 'p99 ms': quantile(ms, 0.99), 'per s': perSecond } };
}

/** For what happens one by one, or all at once: how much of it fits in a second says nothing. */
export function timesRow(name: string, ms: readonly number[]): Row {
  return {
    name,
    cells: { 'p50 ms': quantile(ms, 0.5), 'p99 ms': quantile(ms, 0.99), 'most ms': Math.max(...ms) },
  };
}

export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

/** Markdown, aligned to be read as it is. The columns are those of the first row. */
export function table(rows: readonly Row[]): string {
  const titles = Object.keys(rows[0]?.cells ?? {});
  const cell = (value: number | null) => (value === null ? '' : value.toFixed(value < 10 ? 2 : 0));
  const lines = rows.map(({ name, cells }) => [name, ...titles.map((title) => cell(cells[title] ?? null))]);
  const head = ['', ...titles];
  const widths = head.map((title, column) =>
    Math.max(3, title.length, ...lines.map((texts) => texts[column]?.length ?? 0)),
  );
  const padded = (texts: readonly string[]) =>
    texts.map((text, column) =>
      column === 0 ? text.padEnd(widths[0] ?? 0) : text.padStart(widths[column] ?? 0),
    );
  const line = (texts: readonly string[]) => `| ${padded(texts).join(' | ')} |`;
  const rule = widths.map((width, column) =>
    column === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`,
  );
  return [line(head), line(rule), ...lines.map(line)].join('\n');
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

/** What several runs brought together. */
export function together(runs: readonly Samples[]): Samples {
  return { ms: runs.flatMap(({ ms }) => ms), wallMs: runs.reduce((sum, { wallMs }) => sum + wallMs, 0) };
}
