import type { Clock } from '../../../base/clock.ts';
import { randomToken } from '../../../base/ids.ts';
import { frame } from '../../../protocol/sse.ts';
import type { MessagesRequest } from './messages-request.ts';
import type { Part, ScriptedReply } from './reply.ts';
import { inputUsage, tokensOf } from './usage.ts';
import { signatureOf } from './validate.ts';

type WireEvent = Readonly<Record<string, unknown>> & { readonly type: string };

/** The whole message, as the non-streaming API answers it. */
export function messageOf(request: MessagesRequest, reply: ScriptedReply): Record<string, unknown> {
  const content = reply.parts.map(blockOf);
  const usage = { ...inputUsage(request), output_tokens: tokensOf(content), ...reply.usage };
  return {
    id: `msg_01${randomToken(22)}`,
    type: 'message',
    role: 'assistant',
    model: request.model,
    content,
    stop_reason: reply.stopReason ?? (reply.parts.some(isToolUse) ? 'tool_use' : 'end_turn'),
    stop_sequence: null,
    ...(reply.stopDetails ? { stop_details: reply.stopDetails } : {}),
    usage,
  };
}

function isToolUse(part: Part): boolean {
  return part.type === 'tool_use' || part.type === 'malformed_tool_use';
}

function blockOf(part: Part): Record<string, unknown> {
  switch (part.type) {
    case 'text':
      return { type: 'text', text: part.text };
    case 'thinking':
      return { type: 'thinking', thinking: part.text, signature: signatureOf(part.text) };
    case 'tool_use':
      return { type: 'tool_use', id: `toolu_01${randomToken(22)}`, name: part.name, input: part.input };
    case 'malformed_tool_use':
      return { type: 'tool_use', id: `toolu_01${randomToken(22)}`, name: part.name, input: {} };
  }
}

/** The same message as the events of a stream. */
function* eventsOf(message: Record<string, unknown>, reply: ScriptedReply): Generator<WireEvent> {
  const { content, stop_reason, stop_details, usage, ...head } = message;
  const startUsage = { ...(usage as object), output_tokens: 1 };
  yield { type: 'message_start', message: { ...head, content: [], stop_reason: null, usage: startUsage } };
  yield { type: 'ping' };
  for (const [index, block] of (content as Record<string, unknown>[]).entries()) {
    yield { type: 'content_block_start', index, content_block: emptied(block) };
    const part = reply.parts[index];
    for (const delta of part ? deltasOf(part, block) : [])
      yield { type: 'content_block_delta', index, delta };
    yield { type: 'content_block_stop', index };
  }
  const delta = { stop_reason, stop_sequence: null, ...(stop_details ? { stop_details } : {}) };
  yield { type: 'message_delta', delta, usage };
  yield { type: 'message_stop' };
}

function emptied(block: Record<string, unknown>): Record<string, unknown> {
  if (block['type'] === 'text') return { ...block, text: '' };
  if (block['type'] === 'thinking') return { ...block, thinking: '', signature: '' };
  return { ...block, input: {} };
}

function* deltasOf(part: Part, block: Record<string, unknown>): Generator<Record<string, unknown>> {
  switch (part.type) {
    case 'text':
      for (const text of pieces(part.text)) yield { type: 'text_delta', text };
      return;
    case 'thinking':
      for (const thinking of pieces(part.text)) yield { type: 'thinking_delta', thinking };
      yield { type: 'signature_delta', signature: block['signature'] };
      return;
    case 'tool_use':
      for (const text of pieces(JSON.stringify(part.input)))
        yield { type: 'input_json_delta', partial_json: text };
      return;
    case 'malformed_tool_use':
      yield { type: 'input_json_delta', partial_json: part.inputText };
  }
}

const piecesMax = 40;

/** A few words at a time; long texts in larger pieces, so that no answer takes for ever. */
function pieces(text: string): string[] {
  const words = text.match(/\s*\S+\s*/g) ?? [text];
  const perPiece = Math.max(3, Math.ceil(words.length / piecesMax));
  const result: string[] = [];
  for (let at = 0; at < words.length; at += perPiece) result.push(words.slice(at, at + perPiece).join(''));
  return result;
}

export function streamOf(
  message: Record<string, unknown>,
  reply: ScriptedReply,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  const events = [...eventsOf(message, reply)];
  const isCut = reply.cutAfterEvents !== undefined && reply.cutAfterEvents < events.length;
  const frames = events
    .slice(0, reply.cutAfterEvents)
    .map((event) => frame({ event: event.type, data: JSON.stringify(event) }));
  // Between them is a pause, or they come in one piece, as they would over a connection.
  const pieces = reply.chunkDelayMs ? frames : [frames.join('')];
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      if (reply.chunkDelayMs) await clock.sleep(reply.chunkDelayMs, signal);
      const piece = pieces.shift();
      if (piece !== undefined) controller.enqueue(encoder.encode(piece));
      else if (isCut) controller.error(new Error('the connection was cut'));
      else controller.close();
    },
  });
}
