import {
  clearAtShare,
  clearedResultsKept,
  clearShareMin,
  modelOutputTokensDefault,
  outputShareMax,
} from '../../domain/limits.ts';
import type { ModelRequest, WireBlock, WireMessage } from '../../domain/model.ts';
import { isProviderResult, providerResultOf } from '../../domain/tools/provider-tools.ts';
import type { Profile } from './profile.ts';

const ephemeral = { type: 'ephemeral' };

/** The oldest models of the catalogue refuse what came after them. */
const lacksAdaptiveThinking = /-4-5(-\d{8})?$/;
const lacksEffort = /-(sonnet|haiku)-4-5(-\d{8})?$/;

export type WireLimits = {
  readonly profile: Profile;
  readonly outputTokensMax: number;
  readonly contextTokensMax: number;
};

/** The body of a Messages request, with only what the endpoint can take. */
export function wireRequest(
  request: ModelRequest,
  { profile, outputTokensMax, contextTokensMax }: WireLimits,
): Record<string, unknown> {
  const { model } = request;
  const cached = profile.promptCaching;
  return {
    model: model.id,
    max_tokens: Math.min(
      modelOutputTokensDefault,
      outputTokensMax,
      Math.floor(contextTokensMax * outputShareMax),
    ),
    stream: true,
    messages: messages(request.messages, profile),
    ...(isBlank(request.system)
      ? {}
      : {
          system: [{ type: 'text', text: request.system, ...(cached ? { cache_control: ephemeral } : {}) }],
        }),
    ...(request.tools.length === 0 ? {} : { tools: tools(request.tools, cached && isBlank(request.system)) }),
    ...(profile.effort && model.effort && !lacksEffort.test(model.id)
      ? { output_config: { effort: model.effort.type } }
      : {}),
    ...(profile.thinking && !lacksAdaptiveThinking.test(model.id) ? { thinking: { type: 'adaptive' } } : {}),
    ...(profile.fastMode && model.speed === 'fast' ? { speed: 'fast' } : {}),
    ...(profile.contextEditing && request.tools.length > 0
      ? { context_management: editing(contextTokensMax) }
      : {}),
    ...(profile.inferenceGeo && model.inference_geo ? { inference_geo: model.inference_geo } : {}),
  };
}

/** The provider's own way to do what `clearOldResults` does elsewhere. */
function editing(contextTokensMax: number) {
  const inputTokens = (value: number) => ({ type: 'input_tokens', value: Math.floor(value) });
  return {
    edits: [
      {
        type: 'clear_tool_uses_20250919',
        trigger: inputTokens(contextTokensMax * clearAtShare),
        keep: { type: 'tool_uses', value: clearedResultsKept },
        clear_at_least: inputTokens(contextTokensMax * clearShareMin),
      },
    ],
  };
}

/** Tools come before the system prompt in the cached prefix, so one breakpoint on the later of the two covers both. */
function tools(list: readonly Readonly<Record<string, unknown>>[], breakpoint: boolean) {
  return list.map((tool, index) =>
    breakpoint && index === list.length - 1 ? { ...tool, cache_control: ephemeral } : tool,
  );
}

/**
 * The last message carries a breakpoint, and so does the last user message before it: the first writes
 * what this request adds, the second finds what the request before wrote.
 */
function messages(list: readonly WireMessage[], profile: Profile): WireMessage[] {
  const sent = citedAlike(profile.systemMessages ? list : withoutSystemRole(list))
    .map((message, index, all) => (index === all.length - 1 ? message : withoutOpenCalls(message)))
    .map((message) => ({
      ...message,
      content: message.content
        .filter((block) => isSendable(block, profile))
        .map((block) => sendable(block, profile)),
    }))
    .filter((message) => message.content.length > 0);
  if (!profile.promptCaching) return sent;
  const marked = new Set(
    sent.flatMap((message, index) => (message.role === 'user' ? [index] : [])).slice(-2),
  );
  return sent.map((message, index) => (marked.has(index) ? withBreakpoint(message) : message));
}

/** A reply that paused in a call of the provider's, and was not gone on with: the call never ends. */
function withoutOpenCalls(message: WireMessage): WireMessage {
  const answered = new Set(message.content.map((block) => block['tool_use_id']));
  const isOpen = ({ type, id }: WireBlock) => type === 'server_tool_use' && !answered.has(id);
  return message.content.some(isOpen)
    ? { ...message, content: message.content.filter((block) => !isOpen(block)) }
    : message;
}

/** Search results of one request are all cited or none: those of the server give way to those of clients. */
function citedAlike(list: readonly WireMessage[]): readonly WireMessage[] {
  const results = list.flatMap(({ content }) => content.flatMap(searchResultsIn));
  const isCited = ({ citations }: WireBlock) => JSON.stringify(citations) === '{"enabled":true}';
  if (results.every(isCited) || !results.some(isCited)) return list;
  const cited = (block: WireBlock): WireBlock => {
    if (block.type === 'search_result') return { ...block, citations: { enabled: true } };
    return Array.isArray(block['content']) && block.type === 'tool_result'
      ? { ...block, content: block['content'].map(cited) }
      : block;
  };
  return list.map((message) => ({ ...message, content: message.content.map(cited) }));
}

function searchResultsIn(block: WireBlock): readonly WireBlock[] {
  if (block.type === 'search_result') return [block];
  const { content } = block;
  return block.type === 'tool_result' && Array.isArray(content) ? content.flatMap(searchResultsIn) : [];
}

/** Where the endpoint knows two roles only, what the system says ends the user's message before it. */
function withoutSystemRole(list: readonly WireMessage[]): WireMessage[] {
  const merged: WireMessage[] = [];
  for (const message of list) {
    const before = merged.at(-1);
    if (message.role !== 'system') merged.push(message);
    else if (before)
      merged[merged.length - 1] = { ...before, content: [...before.content, ...asWords(message)] };
  }
  return merged;
}

function asWords({ content }: WireMessage): WireBlock[] {
  return content.map((block) => ({ ...block, text: `<system>\n${block['text']}\n</system>` }));
}

function isSendable(block: WireBlock, profile: Profile): boolean {
  if (block.type === 'thinking' || block.type === 'redacted_thinking') return profile.thinkingHistory;
  return block.type !== 'text' || !isBlank(block['text']);
}

/** The API refuses text without a word in it, and whole requests because of it. */
function isBlank(text: unknown): boolean {
  return typeof text !== 'string' || text.trim() === '';
}

/** What the endpoint does not read is told to the model in words. */
function sendable(block: WireBlock, profile: Profile): WireBlock {
  if (block.type === 'image' && !profile.images)
    return { type: 'text', text: '[An image was left out: this model cannot be shown any.]' };
  if (block.type === 'document' && !profile.documents) return documentInWords(block);
  if (block.type === 'search_result' && !profile.searchResults) return searchResultInWords(block);
  if (profile.serverTools.length === 0) {
    if (block.type === 'server_tool_use' || isProviderResult(block)) return providerBlockInWords(block);
    if (block.type === 'text' && 'citations' in block) return { type: 'text', text: block['text'] };
  }
  return block.type === 'tool_result' ? withSendableResult(block, profile) : block;
}

/** Of another provider, or of this one before its tools were taken out of the settings. */
function providerBlockInWords(block: WireBlock): WireBlock {
  if (block.type === 'server_tool_use')
    return { type: 'text', text: `[${block['name']}: ${JSON.stringify(block['input'])}]` };
  const found = providerResultOf(block).content.map((part) => {
    if (part.type === 'search_result') return `${part.title}: ${part.source}`;
    return part.type === 'text' ? part.text : `[${part.type}]`;
  });
  return { type: 'text', text: ['[It answered:', ...found, ']'].join('\n') };
}

function documentInWords(block: WireBlock): WireBlock {
  const title = typeof block['title'] === 'string' ? block['title'] : 'untitled';
  // Blocks come from events that were parsed: a document has a source.
  const source = block['source'] as Readonly<Record<string, unknown>>;
  const text =
    source['type'] === 'text'
      ? `<document title="${title}">\n${source['data']}\n</document>`
      : `[The document "${title}" was left out: this model cannot be shown any.]`;
  return { type: 'text', text };
}

function searchResultInWords(block: WireBlock): WireBlock {
  // Blocks come from events that were parsed: a search result has texts.
  const content = block['content'] as readonly WireBlock[];
  const texts = content.map((part) => String(part['text']));
  return { type: 'text', text: [String(block['title']), String(block['source']), ...texts].join('\n') };
}

/** It refuses empty text in a result too, and an error without a content. */
function withSendableResult(block: WireBlock, profile: Profile): WireBlock {
  const { content } = block;
  if (!Array.isArray(content)) return block;
  const kept = content
    .filter((part: WireBlock) => part.type !== 'text' || part['text'] !== '')
    .map((part: WireBlock) => sendable(part, profile));
  const silent = block['is_error'] === true && kept.length === 0;
  return { ...block, content: silent ? [{ type: 'text', text: 'The tool failed.' }] : kept };
}

function withBreakpoint(message: WireMessage): WireMessage {
  const last = message.content.length - 1;
  const content = message.content.map((block, index) =>
    index === last ? { ...block, cache_control: ephemeral } : block,
  );
  return { ...message, content };
}
