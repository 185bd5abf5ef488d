import assert from 'node:assert/strict';
import type { ServerProcess } from './server.ts';

/** Plain HTTP, for what the SDK would never send. */
export type Sent = {
  readonly method?: string;
  readonly path: string;
  /** Objects are sent as JSON, text and bytes as they are. */
  readonly body?: unknown;
  /** Over the usual ones; null leaves a header out. */
  readonly headers?: Readonly<Record<string, string | null>>;
};

export type Reply = {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly json: unknown;
};

export async function call(server: ServerProcess, sent: Sent): Promise<Reply> {
  const response = await fetch(`${server.baseUrl}${sent.path}`, {
    method: sent.method ?? (sent.body === undefined ? 'GET' : 'POST'),
    headers: headersOf(server, sent),
    // A body that is not text, bytes or JSON cannot be written here.
    ...(sent.body === undefined ? {} : { body: encoded(sent.body) }),
    signal: AbortSignal.timeout(20_000),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, json: parsed(text) };
}

function headersOf(server: ServerProcess, sent: Sent): Record<string, string> {
  const usual = {
    'x-api-key': server.apiKey,
    'anthropic-version': '2023-06-01',
    'anthropic-beta': 'managed-agents-2026-04-01',
    ...(sent.body === undefined ? {} : { 'content-type': 'application/json' }),
  };
  const merged = Object.entries({ ...usual, ...sent.headers });
  return Object.fromEntries(merged.filter((entry): entry is [string, string] => entry[1] !== null));
}

function encoded(body: unknown): string | Uint8Array<ArrayBuffer> {
  if (typeof body === 'string') return body;
  return body instanceof Uint8Array ? new Uint8Array(body) : JSON.stringify(body);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export type Expected = {
  readonly status: number;
  readonly type: string;
  readonly message: string | RegExp;
  readonly errorCode?: string;
  /** What stands beside the error code. */
  readonly details?: Readonly<Record<string, string>>;
  /** Trying again may succeed, so the SDK's own rule holds. */
  readonly canRetry?: boolean;
};

/** A refusal has one shape: status, typed error, a request id in body and header, and advice against a retry. */
export function assertRefused(reply: Reply, expected: Expected): void {
  assert.equal(reply.status, expected.status, reply.text);
  const requestId = reply.headers.get('request-id');
  assert.match(requestId ?? '', /^req_\w+$/);
  assert.equal(reply.headers.get('content-type'), 'application/json');
  assert.equal(reply.headers.get('x-should-retry'), expected.canRetry ? null : 'false');
  const body = reply.json as { error: { message: string; details?: { error_code: string } } };
  const { message, ...error } = body.error;
  assert.deepEqual(
    { ...body, error },
    {
      type: 'error',
      error: {
        type: expected.type,
        ...(expected.errorCode === undefined
          ? {}
          : { details: { error_code: expected.errorCode, ...expected.details } }),
      },
      request_id: requestId,
    },
  );
  if (typeof expected.message === 'string') assert.equal(message, expected.message);
  else assert.match(message, expected.message);
}
