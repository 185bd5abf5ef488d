import { textSize } from '../../base/text-size.ts';
import type { SessionAgent } from '../../protocol/sessions.ts';
import type { ConversationItem } from './state.ts';

/**
 * How much of a model's window something takes, estimated: between two replies, whose usage tells it
 * exactly, only the order of magnitude matters.
 */
const charactersPerToken = 3.5;
const tokensPerMedium = 1_600;

type Block = { readonly type: string; readonly content?: unknown };

export function tokensOf(item: ConversationItem): number {
  if (item.type === 'summary') return inTokens(textSize([item.text, item.said]));
  const blocks: readonly Block[] = item.content;
  return blocks.reduce((sum, block) => sum + tokensOfBlock(block), 0);
}

function tokensOfBlock(block: Block): number {
  // Their bytes are not what a model counts.
  if (block.type === 'image' || block.type === 'document') return tokensPerMedium;
  return inTokens(textSize(block));
}

/** What every request of an agent begins with. */
export function overheadTokens({ system, tools }: SessionAgent): number {
  return inTokens(textSize(system) + textSize(tools));
}

function inTokens(characters: number): number {
  return Math.ceil(characters / charactersPerToken);
}
