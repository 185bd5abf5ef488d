import type { ModelDelta, ModelRequest, WireBlock } from '../../src/domain/model.ts';
import { frame } from '../../src/protocol/sse.ts';

type StreamEvent = Readonly<Record<string, unknown>> & { readonly type: string };

/** A Messages stream as bytes on the wire. */
export function sse(events: readonly StreamEvent[]): string {
  return events.map((event) => frame({ event: event.type, data: JSON.stringify(event) })).join('');
}

export const messageStart: StreamEvent = {
  type: 'message_start',
  message: {
    id: 'msg_01',
    type: 'message',
    role: 'assistant',
    model: 'claude-opus-5-5-20260915',
    content: [],
    stop_reason: null,
    stop_sequence: null,
    usage: {
      input_tokens: 12,
      output_tokens: 1,
      cache_read_input_tokens: 100,
      cache_creation_input_tokens: 70,
      cache_creation: { ephemeral_5m_input_tokens: 50, ephemeral_1h_input_tokens: 20 },
      service_tier: 'standard',
    },
  },
};

export const messageEnd = (stopReason: string, more: object = {}): readonly StreamEvent[] => [
  {
    type: 'message_delta',
    delta: { stop_reason: stopReason, stop_sequence: null, ...more },
    usage: { output_tokens: 42, input_tokens: null },
  },
  { type: 'message_stop' },
];

/** One content block: how it starts and what is added to it. */
export function blockEvents(index: number, start: WireBlock, deltas: readonly object[]): StreamEvent[] {
  return [
    { type: 'content_block_start', index, content_block: start },
    ...deltas.map((delta) => ({ type: 'content_block_delta', index, delta })),
    { type: 'content_block_stop', index },
  ];
}

export const textDeltas = (...texts: string[]) => texts.map((text) => ({ type: 'text_delta', text }));
export const inputDeltas = (...texts: string[]) =>
  texts.map((text) => ({ type: 'input_json_delta', partial_json: text }));

/** A reply with a block of each kind the API streams, cut where the API cuts: in the middle of words and JSON. */
export const richReply: readonly StreamEvent[] = [
  messageStart,
  { type: 'ping' },
  ...blockEvents(0, { type: 'thinking', thinking: '', signature: '' }, [
    { type: 'thinking_delta', thinking: 'Let me ' },
    { type: 'thinking_delta', thinking: 'look…' },
    { type: 'signature_delta', signature: 'EqQB+/=' },
  ]),
  ...blockEvents(1, { type: 'redacted_thinking', data: 'opaque' }, []),
  ...blockEvents(2, { type: 'text', text: '' }, [
    ...textDeltas('Grüße, ', '世界 🐜'),
    { type: 'citations_delta', citation: { type: 'char_location', cited_text: 'a', document_index: 0 } },
    { type: 'citations_delta', citation: { type: 'char_location', cited_text: 'b', document_index: 1 } },
  ]),
  ...blockEvents(
    3,
    { type: 'tool_use', id: 'toolu_1', name: 'bash', input: {} },
    inputDeltas('', '{"comm', 'and": "ls \\u00e9', ' 🐜"}'),
  ),
  ...blockEvents(4, { type: 'tool_use', id: 'toolu_2', name: 'list', input: {} }, inputDeltas('')),
  ...blockEvents(5, { type: 'hologram', shape: { sides: [1, 2] }, glow: null }, []),
  ...blockEvents(
    6,
    { type: 'server_tool_use', id: 'srvtoolu_1', name: 'web_search', input: {} },
    inputDeltas('{"query":', '"ants"}'),
  ),
  ...messageEnd('tool_use'),
];

export const richContent: readonly WireBlock[] = [
  { type: 'thinking', thinking: 'Let me look…', signature: 'EqQB+/=' },
  { type: 'redacted_thinking', data: 'opaque' },
  {
    type: 'text',
    text: 'Grüße, 世界 🐜',
    citations: [
      { type: 'char_location', cited_text: 'a', document_index: 0 },
      { type: 'char_location', cited_text: 'b', document_index: 1 },
    ],
  },
  { type: 'tool_use', id: 'toolu_1', name: 'bash', input: { command: 'ls é 🐜' } },
  { type: 'tool_use', id: 'toolu_2', name: 'list', input: {} },
  { type: 'hologram', shape: { sides: [1, 2] }, glow: null },
  { type: 'server_tool_use', id: 'srvtoolu_1', name: 'web_search', input: { query: 'ants' } },
];

/** A reply as small as one with text and a tool use gets, for tests that cut it everywhere. */
export const shortReply: readonly StreamEvent[] = [
  { type: 'message_start', message: { usage: { input_tokens: 1 } } },
  ...blockEvents(0, { type: 'text', text: '' }, textDeltas('é🐜')),
  ...blockEvents(1, { type: 'tool_use', id: 'toolu_1', name: 'ls', input: {} }, inputDeltas('{"a"', ':1}')),
  { type: 'message_delta', delta: { stop_reason: 'tool_use' }, usage: { output_tokens: 2 } },
  { type: 'message_stop' },
];

export const shortContent: readonly WireBlock[] = [
  { type: 'text', text: 'é🐜' },
  { type: 'tool_use', id: 'toolu_1', name: 'ls', input: { a: 1 } },
];

export function modelRequest(change: Partial<ModelRequest> = {}): ModelRequest {
  return {
    model: { id: 'claude-opus-5-5' },
    system: '',
    messages: [{ role: 'user', content: [{ type: 'text', text: 'hi' }] }],
    tools: [],
    ...change,
  };
}

/** What was streamed of each text block. */
export function streamedTexts(deltas: readonly ModelDelta[]): ReadonlyMap<number, string> {
  const texts = new Map<number, string>();
  for (const delta of deltas) {
    if (delta.type === 'text') texts.set(delta.index, `${texts.get(delta.index) ?? ''}${delta.text}`);
  }
  return texts;
}
