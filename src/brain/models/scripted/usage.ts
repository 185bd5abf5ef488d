import type { MessagesRequest } from './messages-request.ts';

export type WireUsage = {
  readonly input_tokens: number;
  readonly output_tokens: number;
  readonly cache_read_input_tokens: number;
  readonly cache_creation_input_tokens: number;
};

/** About four characters a token, so that figures are plausible and always the same for the same request. */
export function tokensOf(value: unknown): number {
  return value === null || value === undefined ? 0 : Math.ceil(JSON.stringify(value).length / 4);
}

/**
 * Usage of a request by its cache breakpoints: what stands before the last but one was written by the
 * request before this one, so it is read; what stands between the two is written now.
 */
export function inputUsage(request: MessagesRequest): Omit<WireUsage, 'output_tokens'> {
  const head = tokensOf(request.system) + tokensOf(request.tools);
  let seen = head;
  const marks: number[] = hasMark([request.system, request.tools]) ? [head] : [];
  for (const message of request.messages) {
    seen += tokensOf(message);
    if (hasMark(message)) marks.push(seen);
  }
  const written = marks.at(-1) ?? 0;
  const isFirst = request.messages.length === 1;
  const read = isFirst ? 0 : (marks.at(-2) ?? 0);
  return {
    input_tokens: Math.max(1, seen - written),
    cache_read_input_tokens: read,
    cache_creation_input_tokens: Math.max(0, written - read),
  };
}

function hasMark(value: unknown): boolean {
  return JSON.stringify(value)?.includes('"cache_control"') ?? false;
}
