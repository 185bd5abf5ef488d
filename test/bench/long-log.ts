import { systemClock } from '../../src/base/clock.ts';
import { newId } from '../../src/base/ids.ts';
import type { Entry } from '../../src/domain/session/entry.ts';
import type { SessionState } from '../../src/domain/session/state.ts';
import { openStore } from '../../src/store/open.ts';

/** A summary stands between chapters, so that a long log's conversation is no longer than a short one's. */
const turnsPerChapter = 10;
const itemsKept = 4;

/**
 * Goes on with sessions that have had one turn each, by having it again and again, until they have so many events.
 * Through the store, with its server stopped.
 */
export async function lengthen(dataDir: string, sessions: ReadonlyMap<string, number>): Promise<void> {
  const { log, close } = await openStore({ dataDir, clock: systemClock, afterCommit() {} });
  for (const [id, events] of sessions) {
    const entries = (await log.read(id, 0, 1_000)).map(({ entry }) => entry);
    const turn = entries.slice(entries.findIndex(({ kind }) => kind === 'accepted'));
    const perTurn = turn.filter(({ kind }) => kind === 'accepted' || kind === 'emitted').length;
    for (let left = Math.ceil(events / perTurn) - 1; left > 0; left -= turnsPerChapter) {
      const turns = Array.from({ length: Math.min(left, turnsPerChapter) }, () => renamed(turn));
      await log.commit(id, (state) => ({ entries: [summary(state), ...turns.flat()], result: null }));
    }
  }
  await close();
}

/** The same entries about events with ids of their own. */
function renamed(turn: readonly Entry[]): Entry[] {
  const ids = new Map<string, string>();
  const text = JSON.stringify(turn).replace(/sevt_\w+/g, (id) => {
    const other = ids.get(id) ?? newId('sevt');
    ids.set(id, other);
    return other;
  });
  return JSON.parse(text) as Entry[];
}

function summary({ conversation }: SessionState): Entry {
  const usage = {
    inputTokens: 0,
    outputTokens: 0,
    cacheReadInputTokens: 0,
    cacheCreation5mInputTokens: 0,
    cacheCreation1hInputTokens: 0,
    speed: null,
  };
  const items = Math.max(0, conversation.length - itemsKept);
  const compaction = {
    items,
    summary: 'They tidied up.',
    usage,
    servedBy: 'scripted/bench',
    costMicroCents: 0,
  };
  return { kind: 'compacted', compaction };
}
