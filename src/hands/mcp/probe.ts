import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import type { ProbeFailure, ProbeMcp, RawAnswer } from '../../domain/credential-validation.ts';
import type { Fetch, TransportKind } from './client.ts';
import { openClient, speaksOnlySse } from './client.ts';

export type ProbeOptions = {
  /** For the whole probe. */
  readonly deadlineMs: number;
  /** Of the server, told to MCP servers. */
  readonly version: string;
};

/** Answers are shown to people: more of one is not read. */
const answerBytesMax = 64 * 1024;

/**
 * Connects as agents' sessions do: streamable HTTP, then the older SSE transport where a server knows only that.
 */
export function createProbe({ deadlineMs, version }: ProbeOptions): ProbeMcp {
  return async (url, token) => {
    const signal = AbortSignal.timeout(deadlineMs);
    const first = await attempt('streamable', { url, token, version, signal });
    const isOld = first?.method === 'initialize' && speaksOnlySse(first.answer?.status);
    if (first === null || !isOld) return first;
    const second = await attempt('sse', { url, token, version, signal });
    // A server that knows neither is better described by its answer to the first.
    return second === null || second.answer?.status === 401 ? second : first;
  };
}

type Attempt = {
  readonly url: string;
  readonly token: string;
  readonly version: string;
  readonly signal: AbortSignal;
};

async function attempt(kind: TransportKind, { url, token, version, signal }: Attempt): Promise<ProbeFailure> {
  const failed = recorder(signal, token);
  let client: Client | null = null;
  let method = 'initialize';
  try {
    client = await openClient(kind, { url, fetch: failed.fetch, version }, signal);
    method = 'tools/list';
    await listTools(client, signal);
    return null;
  } catch {
    return { method, answer: await failed.answer() };
  } finally {
    await client?.close().catch(() => {});
  }
}

async function listTools(client: Client, signal: AbortSignal): Promise<void> {
  if (client.getServerCapabilities()?.tools) await client.listTools(undefined, { signal });
}

/** Keeps the last answer that was not a success. */
function recorder(signal: AbortSignal, token: string) {
  let last: Promise<RawAnswer | null> = Promise.resolve(null);
  const send: Fetch = async (url, init) => {
    const ends = init?.signal ? AbortSignal.any([signal, init.signal]) : signal;
    const headers = new Headers(init?.headers);
    headers.set('authorization', `Bearer ${token}`);
    const response = await fetch(url, { ...init, headers, signal: ends });
    // Opening the optional stream for messages of the server is refused by many, and means nothing.
    const isOptional = init?.method === 'GET' && response.status === 405;
    if (response.ok || isOptional) return response;
    const [body, copy] = response.body?.tee() ?? [null, null];
    const { status, statusText } = response;
    last = rawAnswer(status, response.headers, copy);
    return new Response(body, { status, statusText, headers: response.headers });
  };
  return { fetch: send, answer: () => last.catch(() => null) };
}

async function rawAnswer(
  status: number,
  headers: Headers,
  body: ReadableStream<Uint8Array> | null,
): Promise<RawAnswer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body ?? []) {
    chunks.push(chunk);
    size += chunk.byteLength;
    if (size > answerBytesMax) break;
  }
  const bytes = Buffer.concat(chunks);
  return {
    status,
    contentType: headers.get('content-type') ?? '',
    body: bytes.subarray(0, answerBytesMax).toString('utf8'),
    isCut: bytes.length > answerBytesMax,
  };
}
