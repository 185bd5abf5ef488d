import assert from 'node:assert/strict';
import { APIError } from '@anthropic-ai/sdk';

/** Every item of a list, page by page. */
export async function all<T>(pages: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of pages) items.push(item);
  return items;
}

/** What `assert.rejects` compares an error of the SDK by. */
export type Refusal = (cause: unknown) => true;

/** `more`: what stands in the error object besides its type and message. */
export function refused(
  status: number,
  type: string,
  message: string | RegExp,
  more: Readonly<Record<string, unknown>> = {},
): Refusal {
  return (cause) => {
    assert.ok(cause instanceof APIError, String(cause));
    const { message: said, ...error } = (cause.error as { error: { message: string } }).error;
    assert.deepEqual([cause.status, error], [status, { type, ...more }], said);
    if (typeof message === 'string') assert.equal(said, message);
    else assert.match(said, message);
    // Without this header the SDK would send each of these three times.
    assert.equal(cause.headers?.get('x-should-retry'), 'false');
    return true;
  };
}

export function bad(message: string | RegExp, errorCode?: string): Refusal {
  const more = errorCode === undefined ? {} : { details: { error_code: errorCode } };
  return refused(400, 'invalid_request_error', message, more);
}

export function absent(message: string | RegExp): Refusal {
  return refused(404, 'not_found_error', message);
}
