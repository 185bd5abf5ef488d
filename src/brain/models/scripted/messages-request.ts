/** A Messages request as the scripted endpoint reads it, after validation. */
export type Block = Readonly<Record<string, unknown>> & { readonly type: string };
export type Message = { readonly role: 'user' | 'assistant' | 'system'; readonly content: readonly Block[] };
export type Tool = Readonly<Record<string, unknown>> & { readonly name: string };

export type MessagesRequest = {
  readonly model: string;
  readonly stream: boolean;
  readonly system: unknown;
  readonly tools: readonly Tool[];
  readonly messages: readonly Message[];
};

/** What the last user message with words in it says. */
export function lastUserText(messages: readonly Message[]): string {
  return textOf(messages[lastUserIndex(messages)]?.content ?? []);
}

export function textOf(blocks: readonly Block[]): string {
  return blocks.flatMap((block) => (block.type === 'text' ? [String(block['text'])] : [])).join('\n');
}

function lastUserIndex(messages: readonly Message[]): number {
  return messages.findLastIndex(
    (message) => message.role === 'user' && message.content.some((block) => block.type === 'text'),
  );
}

/** Replies given since the user last spoke: which step of a turn this request is. */
export function stepOf(messages: readonly Message[]): number {
  return messages.slice(lastUserIndex(messages) + 1).filter((message) => message.role === 'assistant').length;
}

export type Result = { readonly toolUseId: string; readonly text: string; readonly isError: boolean };

/** Tool results since the user last spoke, in order. */
export function resultsOf(messages: readonly Message[]): readonly Result[] {
  const from = Math.max(0, lastUserIndex(messages));
  // Results may share a message with the user's next words; those belong to the turn before.
  return messages.slice(from + 1).flatMap((message) => message.content.flatMap(resultOf));
}

function resultOf(block: Block): Result[] {
  if (block.type !== 'tool_result') return [];
  const content = block['content'];
  const blocks: readonly Block[] = Array.isArray(content) ? content : [];
  const text = typeof content === 'string' ? content : textOf(blocks);
  return [{ toolUseId: String(block['tool_use_id']), text, isError: block['is_error'] === true }];
}

/** Everything the user ever said, oldest first. */
export function userTexts(messages: readonly Message[]): readonly string[] {
  return messages
    .filter((message) => message.role === 'user')
    .map((message) => textOf(message.content))
    .filter((text) => text !== '');
}
