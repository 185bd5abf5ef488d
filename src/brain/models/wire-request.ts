import { modelOutputTokensDefault } from '../../domain/limits.ts';
import type { ModelRequest, WireBlock, WireMessage } from '../../domain/model.ts';
import type { Profile } from './profile.ts';

const ephemeral = { type: 'ephemeral' };

/** The oldest models of the catalogue refuse what came after them. */
const lacksAdaptiveThinking = /-4-5(-\d{8})?$/;
const lacksEffort = /-(sonnet|haiku)-4-5(-\d{8})?$/;

/** The body of a Messages request, with only what the endpoint can take. */
export function wireRequest(request: ModelRequest, profile: Profile): Record<string, unknown> {
  const { model } = request;
  const cached = profile.promptCaching;
  return {
    model: model.id,
    max_tokens: modelOutputTokensDefault,
    stream: true,
    messages: messages(request.messages, profile),
    ...(request.system === ''
      ? {}
      : {
          system: [{ type: 'text', text: request.system, ...(cached ? { cache_control: ephemeral } : {}) }],
        }),
    ...(request.tools.length === 0 ? {} : { tools: tools(request.tools, cached && request.system === '') }),
    ...(profile.effort && model.effort && !lacksEffort.test(model.id)
      ? { output_config: { effort: model.effort.type } }
      : {}),
    ...(profile.thinking && !lacksAdaptiveThinking.test(model.id) ? { thinking: { type: 'adaptive' } } : {}),
    ...(profile.fastMode && model.speed === 'fast' ? { speed: 'fast' } : {}),
    ...(profile.inferenceGeo && model.inference_geo ? { inference_geo: model.inference_geo } : {}),
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
  const sent = list
    .map((message) => ({
      ...message,
      content: message.content.filter((block) => isSendable(block, profile)),
    }))
    .filter((message) => message.content.length > 0);
  if (!profile.promptCaching) return sent;
  const marked = new Set(
    sent.flatMap((message, index) => (message.role === 'user' ? [index] : [])).slice(-2),
  );
  return sent.map((message, index) => (marked.has(index) ? withBreakpoint(message) : message));
}

function isSendable(block: WireBlock, profile: Profile): boolean {
  if (block.type === 'thinking' || block.type === 'redacted_thinking') return profile.thinkingHistory;
  return block.type !== 'text' || block['text'] !== '';
}

function withBreakpoint(message: WireMessage): WireMessage {
  const last = message.content.length - 1;
  const content = message.content.map((block, index) =>
    index === last ? { ...block, cache_control: ephemeral } : block,
  );
  return { ...message, content };
}
