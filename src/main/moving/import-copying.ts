import type { Client, ToFile } from '../worker-sdk.ts';

/** One thing that was looked at. */
export type Outcome = {
  readonly what: 'agent' | 'environment' | 'skill' | 'memory store' | 'memory';
  /** `there`: nothing was left to do. */
  readonly result: 'made' | 'added to' | 'there' | 'left out' | 'failed';
  /** At the source. */
  readonly id: string;
  readonly copy?: string;
  readonly why?: string;
};

export type Copying = {
  readonly source: Client;
  readonly target: Client;
  readonly toFile: ToFile;
  /** From ids of the source to those of their copies. */
  readonly ids: Map<string, string>;
  report(outcome: Outcome): void;
};

/** Metadata of a copy: the id of what it is a copy of. So a second run finds what the first one made. */
export const importedFrom = 'imported_from';

type Labelled = { readonly id: string; readonly metadata: Readonly<Record<string, string>> };

/** Copies that are there, by what they are copies of. */
export async function copiesIn<Item extends Labelled>(
  list: AsyncIterable<Item>,
): Promise<ReadonlyMap<string, Item>> {
  const copies = new Map<string, Item>();
  for await (const item of list) {
    const id = item.metadata[importedFrom];
    if (id !== undefined) copies.set(id, item);
  }
  return copies;
}

/** Of a list that newer items may be added to meanwhile: the oldest first. */
export async function oldestFirst<Item>(list: AsyncIterable<Item>): Promise<Item[]> {
  const items: Item[] = [];
  for await (const item of list) items.push(item);
  return items.reverse();
}

/** What one thing fails with is said; the others are copied. */
export async function trying(
  { report }: Copying,
  { what, id }: Pick<Outcome, 'what' | 'id'>,
  work: () => Promise<void>,
): Promise<void> {
  try {
    await work();
  } catch (cause) {
    const { status } = cause as { readonly status?: unknown };
    // Without an answer nothing else would go better.
    if (typeof status !== 'number' || status === 401 || status === 403 || status >= 500) throw cause;
    report({ what, result: 'failed', id, why: cause instanceof Error ? cause.message : String(cause) });
  }
}
