import type { Clock } from '../base/clock.ts';
import { textSize } from '../base/text-size.ts';
import { tailBufferCharactersMax, tailBufferRecordsMax } from '../domain/limits.ts';
import type { AcceptedAt, ReaderOptions, Tail, TailItem, Tails } from '../domain/tails.ts';
import { createMissedEvents } from './missed-events.ts';
import { createPreviewsUnderWay } from './previews-under-way.ts';
import { createUntold } from './untold-events.ts';

type Reader = {
  readonly put: (item: TailItem, size: number) => void;
  readonly end: () => void;
  readonly wantsPreviews: boolean;
  isOpening: boolean;
};

/** What a server has to do with others; alone it has nothing. */
export type TailsBesides = {
  /** A reader comes that wants previews. */
  readonly previewsWanted?: (id: string) => void;
  /** Client events that the log got in the last few seconds, by whichever server, oldest first. */
  readonly recentlyAccepted?: (id: string) => Promise<readonly number[]>;
};

/** Live readers of this process: an emitter after commit, one bounded buffer per reader. */
export function createTails(clock: Clock, others: TailsBesides = {}): Tails {
  const { previewsWanted = () => {}, recentlyAccepted = async () => [] } = others;
  const readers = new Map<string, Set<Reader>>();
  const missed = createMissedEvents(clock);
  const untold = createUntold(missed, clock);
  const underWay = createPreviewsUnderWay();
  let closed = false;

  function attach(id: string, { wantsPreviews = false, isOpening = false }: ReaderOptions = {}): Tail {
    const set = readers.get(id) ?? new Set();
    readers.set(id, set);
    const begin = () => {
      reader.isOpening = false;
    };
    const tail = createTail(begin, () => {
      set.delete(reader);
      if (set.size === 0 && readers.get(id) === set) readers.delete(id);
    });
    const reader: Reader = { put: tail.put, end: tail.close, wantsPreviews, isOpening };
    set.add(reader);
    if (wantsPreviews) previewsWanted(id);
    // A stream that opens while the server stops must not keep it waiting.
    if (closed) tail.close();
    return tail;
  }

  /** Whether a stream here shows it. */
  function note(id: string, accepted: AcceptedAt, isHeard = false): boolean {
    const isShown = [...(readers.get(id) ?? [])].some(({ isOpening }) => !isOpening);
    missed.note(id, accepted, isShown || isHeard);
    untold.told(id);
    return isShown;
  }

  return {
    attach,
    publish(commit) {
      const { sessionId, records } = commit;
      underWay.settleBy(commit);
      const set = readers.get(sessionId);
      const size = set ? textSize(records) : 0;
      for (const reader of set ?? []) reader.put({ type: 'records', records }, size);
      const first = records.find(({ entry }) => entry.kind === 'accepted');
      if (first) note(sessionId, { from: first.seq, to: records.at(-1)?.seq ?? first.seq });
    },
    preview(id, preview) {
      underWay.add(id, preview);
      const item: TailItem = { type: 'preview', ...preview };
      for (const reader of readers.get(id) ?? []) reader.put(item, textSize(preview.preview));
    },
    readers: () => [...readers.values()].reduce((count, set) => count + set.size, 0),
    watched: () => [...readers.keys()],
    isWatched: (id) => readers.has(id),
    wantsPreviews: (id) => [...(readers.get(id) ?? [])].some(({ wantsPreviews }) => wantsPreviews),
    grown(id, seq) {
      for (const reader of [...(readers.get(id) ?? [])]) {
        if (seq === null) reader.end();
        else reader.put({ type: 'grown', seq }, 0);
      }
    },
    noteElsewhere: (id, { isHeard, ...accepted }) => note(id, accepted, isHeard) && !isHeard,
    heardElsewhere: (id, seq) => missed.see(id, seq),
    underWay: underWay.of,
    settle: underWay.settle,
    async missedSince(id) {
      await untold.settle(id, await recentlyAccepted(id));
      const seq = missed.take(id);
      return seq === null ? null : seq - 1;
    },
    close() {
      closed = true;
      for (const set of readers.values()) for (const reader of set) reader.end();
    },
  };
}

type BufferedTail = Tail & { put(item: TailItem, size: number): void };

/** A reader that falls too far behind gets `overflow` as its last item, and its memory back. */
function createTail(begin: () => void, detach: () => void): BufferedTail {
  const buffer: TailItem[] = [];
  let bufferedSize = 0;
  let closed = false;
  let full = false;
  let wake: (() => void) | null = null;

  function close(): void {
    if (closed) return;
    closed = true;
    detach();
    wake?.();
  }

  async function* read(): AsyncGenerator<TailItem> {
    for (;;) {
      const items = buffer.splice(0);
      bufferedSize = 0;
      yield* items;
      // More may have come while these were read, an overflow among it.
      if (buffer.length > 0) continue;
      if (closed || full) return;
      await new Promise<void>((resolve) => (wake = resolve));
      wake = null;
    }
  }

  return {
    put(item, size) {
      if (closed || full) return;
      bufferedSize += size;
      // One item alone is let through, however large: its reader has nothing else to read.
      full =
        buffer.length >= tailBufferRecordsMax ||
        (buffer.length > 0 && bufferedSize > tailBufferCharactersMax);
      if (full) {
        buffer.length = 0;
        detach();
      }
      buffer.push(full ? { type: 'overflow' } : item);
      wake?.();
    },
    begin,
    close,
    [Symbol.asyncIterator]: read,
  };
}
