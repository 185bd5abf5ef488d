import type { ModelDelta, ModelReply, ModelUsage, WireBlock } from '../../domain/model.ts';

/** Builds a reply from the events of a Messages stream, keeping every block as the provider sent it. */
export type Assembly = {
  /** Takes one stream event; returns the deltas it means. */
  take(event: StreamEvent): readonly ModelDelta[];
  /** The reply, or null when the stream ended before it was whole. */
  finish(): ModelReply | null;
};

export type StreamEvent = Readonly<Record<string, unknown>> & { readonly type: string };

type Part = { block: Record<string, unknown> & { type: string }; inputJson: string };

export function createAssembly(requestedModel: string): Assembly {
  const parts = new Map<number, Part>();
  let servedBy = requestedModel;
  let usage: Record<string, unknown> = {};
  let stopReason: string | null = null;
  let stopDetails: Record<string, unknown> | null = null;
  let complete = false;

  function start(event: StreamEvent): readonly ModelDelta[] {
    const index = Number(event['index']);
    const sent = record(event['content_block']);
    const block: Part['block'] = { ...sent, type: String(sent['type']) };
    parts.set(index, { block, inputJson: '' });
    const tool = block.type === 'tool_use' ? { tool: String(block['name']) } : {};
    const begun: ModelDelta = { type: 'block_start', index, block: block.type, ...tool };
    const text = block.type === 'text' ? block['text'] : '';
    return typeof text === 'string' && text !== '' ? [begun, { type: 'text', index, text }] : [begun];
  }

  function grow(event: StreamEvent): readonly ModelDelta[] {
    const index = Number(event['index']);
    const delta = record(event['delta']);
    const part = parts.get(index);
    if (!part) return [];
    if (delta['type'] === 'text_delta') {
      part.block['text'] = `${part.block['text'] ?? ''}${delta['text']}`;
      return [{ type: 'text', index, text: String(delta['text']) }];
    }
    if (delta['type'] === 'input_json_delta') part.inputJson += String(delta['partial_json']);
    if (delta['type'] === 'thinking_delta')
      part.block['thinking'] = `${part.block['thinking'] ?? ''}${delta['thinking']}`;
    if (delta['type'] === 'signature_delta')
      part.block['signature'] = `${part.block['signature'] ?? ''}${delta['signature']}`;
    if (delta['type'] === 'citations_delta') {
      const known = Array.isArray(part.block['citations']) ? part.block['citations'] : [];
      part.block['citations'] = [...known, delta['citation']];
    }
    return [];
  }

  return {
    take(event) {
      switch (event.type) {
        case 'message_start': {
          const message = record(event['message']);
          servedBy = typeof message['model'] === 'string' ? message['model'] : requestedModel;
          usage = { ...usage, ...record(message['usage']) };
          return [];
        }
        case 'content_block_start':
          return start(event);
        case 'content_block_delta':
          return grow(event);
        case 'message_delta': {
          const delta = record(event['delta']);
          if (typeof delta['stop_reason'] === 'string') stopReason = delta['stop_reason'];
          if (delta['stop_details']) stopDetails = record(delta['stop_details']);
          usage = { ...usage, ...withoutNulls(record(event['usage'])) };
          return [];
        }
        case 'message_stop':
          complete = true;
          return [];
        default:
          return [];
      }
    },
    finish() {
      if (!complete || stopReason === null) return null;
      const { content, malformed } = contentOf([...parts.values()]);
      return {
        type: 'reply',
        content,
        malformed,
        stopReason,
        refusal: refusalOf(stopReason, stopDetails),
        usage: usageOf(usage),
        servedBy,
      };
    },
  };
}

/**
 * Tool input arrives as JSON text; one that does not parse is marked, so that the model can be told. No block is
 * left out, not even an empty one: ids promised to previews go by the place of a block.
 */
function contentOf(parts: readonly Part[]): { content: WireBlock[]; malformed: string[] } {
  const malformed: string[] = [];
  const content = parts.map(({ block, inputJson }): WireBlock => {
    if (inputJson === '') return block;
    try {
      const input: unknown = JSON.parse(inputJson);
      if (typeof input === 'object' && input !== null && !Array.isArray(input)) return { ...block, input };
    } catch {
      // Falls through: not JSON, or not an object.
    }
    if (block.type === 'tool_use') malformed.push(String(block['id']));
    return { ...block, input: {} };
  });
  return { content, malformed };
}

function refusalOf(
  stopReason: string,
  details: Readonly<Record<string, unknown>> | null,
): ModelReply['refusal'] {
  if (stopReason !== 'refusal') return null;
  const text = (value: unknown) => (typeof value === 'string' ? value : null);
  return { category: text(details?.['category']), explanation: text(details?.['explanation']) };
}

function usageOf(usage: Readonly<Record<string, unknown>>): ModelUsage {
  const creation = record(usage['cache_creation']);
  const total = count(usage['cache_creation_input_tokens']);
  const hour = count(creation['ephemeral_1h_input_tokens']);
  const speed = usage['speed'];
  const webSearches = count(record(usage['server_tool_use'])['web_search_requests']);
  return {
    inputTokens: count(usage['input_tokens']),
    outputTokens: count(usage['output_tokens']),
    cacheReadInputTokens: count(usage['cache_read_input_tokens']),
    cacheCreation5mInputTokens: Math.max(0, total - hour),
    cacheCreation1hInputTokens: hour,
    ...(webSearches > 0 ? { webSearches } : {}),
    speed: speed === 'standard' || speed === 'fast' ? speed : null,
  };
}

function count(value: unknown): number {
  return typeof value === 'number' && Number.isFinite(value) ? Math.max(0, Math.trunc(value)) : 0;
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function withoutNulls(value: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value).filter(([, part]) => part !== null && part !== undefined));
}
