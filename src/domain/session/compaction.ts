import { chainToArray } from '../../base/chain.ts';
import {
  clearAtShare,
  clearedResultsKept,
  clearShareMin,
  compactAtShare,
  compactKeepShare,
} from '../limits.ts';
import type { ModelReply } from '../model.ts';
import { tokensOf } from './context-size.ts';
import type { Draft } from './draft.ts';
import { emit } from './draft.ts';
import type { SessionState } from './state.ts';

/** What a model can be shown, and who keeps old tool results out of it. */
export type ContextWindow = {
  readonly contextTokensMax: number;
  /** The provider leaves out old tool results by itself. */
  readonly clearsResults: boolean;
};

/**
 * Before a request that would come near the end of the window: old tool results go first, rarely and many
 * at a time, because every change makes the provider's cache of what follows useless.
 */
export function clearOldResults(draft: Draft, { contextTokensMax, clearsResults }: ContextWindow): void {
  const { contextTokens, conversation } = draft.state();
  if (clearsResults || contextTokens <= contextTokensMax * clearAtShare) return;
  const items = chainToArray(conversation);
  const results = items.flatMap((item, index) => (item.type === 'result' ? [index] : []));
  const upTo = results.at(-clearedResultsKept - 1);
  if (upTo === undefined) return;
  const freed = items
    .slice(0, upTo + 1)
    .reduce((sum, item) => sum + (item.type === 'result' && !item.isCleared ? tokensOf(item) : 0), 0);
  if (freed >= contextTokensMax * clearShareMin) draft.append({ kind: 'cleared', items: upTo + 1 });
}

/** How many of the oldest items should become a summary before the next request; 0: none. */
export function itemsToCompact(state: SessionState, { contextTokensMax }: ContextWindow): number {
  if (state.contextTokens <= contextTokensMax * compactAtShare) return 0;
  const items = chainToArray(state.conversation);
  let kept = 0;
  let from = items.length;
  for (let index = items.length - 1; index > 0; index--) {
    const item = items[index];
    if (!item) break;
    kept += tokensOf(item);
    if (kept > contextTokensMax * compactKeepShare) break;
    // A result cannot stand without the call before it.
    if (item.type !== 'result') from = index;
  }
  return from;
}

export type RecordedCompaction = {
  readonly items: number;
  readonly reply: ModelReply;
  readonly costMicroCents: number | null;
};

export function recordCompaction(draft: Draft, { items, reply, costMicroCents }: RecordedCompaction): void {
  const { usage, servedBy } = reply;
  const summary = summaryIn(reply);
  draft.append({ kind: 'compacted', compaction: { items, summary, usage, servedBy, costMicroCents } });
  emit(draft, { type: 'agent.thread_context_compacted' });
}

/** The text of the reply; empty when it has none. */
export function summaryIn({ content }: ModelReply): string {
  return content
    .map((block) => (block.type === 'text' ? String(block['text']) : ''))
    .join('')
    .trim();
}
