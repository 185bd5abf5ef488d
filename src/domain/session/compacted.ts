import { append, chainToArray, emptyChain } from '../../base/chain.ts';
import { saidCharactersMax } from '../limits.ts';
import { overheadTokens, tokensOf } from './context-size.ts';
import type { Compaction } from './entry.ts';
import type { ConversationItem, SessionState } from './state.ts';

/** What becomes of a conversation that is too long for its model. */

const clearedText = 'This old tool result was left out to save space; call the tool again if it is needed.';

export function cleared(state: SessionState, count: number): SessionState {
  let freed = 0;
  const items = chainToArray(state.conversation).map((item, index): ConversationItem => {
    if (index >= count || item.type !== 'result' || item.isCleared) return item;
    const short: ConversationItem = {
      ...item,
      content: [{ type: 'text', text: clearedText }],
      isCleared: true,
    };
    freed += tokensOf(item) - tokensOf(short);
    return short;
  });
  return { ...state, conversation: chainOf(items), contextTokens: Math.max(0, state.contextTokens - freed) };
}

export function compactedConversation(
  state: SessionState,
  { items: count, summary }: Compaction,
): SessionState {
  const items = chainToArray(state.conversation);
  const kept = [summaryOf(items.slice(0, count), summary), ...items.slice(count)];
  const contextTokens = kept.reduce((sum, item) => sum + tokensOf(item), overheadTokens(state.agent));
  return { ...state, conversation: chainOf(kept), contextTokens };
}

/** The user's own words stay, the newest that fit: a summary is a model's, and no proof of what was wanted. */
function summaryOf(items: readonly ConversationItem[], text: string): ConversationItem {
  const said = items.flatMap((item) => {
    if (item.type === 'summary') return item.said;
    if (item.type !== 'user') return [];
    return item.content.flatMap((block) => (block.type === 'text' ? [block.text] : []));
  });
  const kept: string[] = [];
  let left = saidCharactersMax;
  for (const words of said.toReversed()) {
    if (left <= 0) break;
    kept.unshift(words.slice(0, left));
    left -= words.length;
  }
  return { type: 'summary', text, said: kept };
}

function chainOf(items: readonly ConversationItem[]): SessionState['conversation'] {
  return items.reduce<SessionState['conversation']>(append, emptyChain);
}
