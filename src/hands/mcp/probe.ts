import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { ProbeFailure, ProbeMcp, RawAnswer } from '../../domain/credential-validation.ts';

export type ProbeOptions = {
  /** For the whole probe. */
  readonly deadlineMs: number;
  /** Of the server, told to MCP servers. */
  readonly version: string;
};

/** Answers are shown to people: more of one is not read. */
const answerBytesMax = 64 * 1024;

type Kind = 'streamable' | 'sse';

/**
 * Connects as agents' sessions do: streamable HTTP, then the older SSE transport where a server knows only
 * that. The MCP client follows no redirect to another origin, so the token stays where it belongs.
 */
export function createProbe({ deadlineMs, version }: ProbeOptions): ProbeMcp {
  return async (url, token) => {
    const signal = AbortSignal.timeout(deadlineMs);
    const first = await attempt('streamable', { url, token, version, signal });
    if (first === null || !speaksOnlySse(first)) return first;
    const second = await attempt('sse', { url, token, version, signal });
    // A server that knows neither is better described by its answer to the first.
    return second === null || second.answer?.status === 401 ? second : first;
  };
}

/** How servers from before streamable HTTP answer its first request. */
function speaksOnlySse({ method, answer }: NonNullable<ProbeFailure>): boolean {
  return method === 'initialize' && [400, 404, 405].includes(answer?.status ?? 0);
}

type Attempt = {
  readonly url: string;
  readonly token: string;
  readonly version: string;
  readonly signal: AbortSignal;
};

async function attempt(kind: Kind, { url, token, version, signal }: Attempt): Promise<ProbeFailure> {
  // Loaded when it is needed: a server that starts does not need it.
  const { Client } = await import('@modelcontextprotocol/sdk/client/index.js');
  const client = new Client({ name: 'anthill', version });
  const failed = recorder(signal);
  let method = 'initialize';
  try {
    await client.connect(await transportOf(kind, url, token, failed.fetch), { signal });
    method = 'tools/list';
    await listTools(client, signal);
    return null;
  } catch {
    return { method, answer: await failed.answer() };
  } finally {
    await client.close().catch(() => {});
  }
}

async function listTools(client: Client, signal: AbortSignal): Promise<void> {
  if (client.getServerCapabilities()?.tools) await client.listTools(undefined, { signal });
}

async function transportOf(kind: Kind, url: string, token: string, send: Fetch): Promise<Transport> {
  const options = { fetch: send, requestInit: { headers: { authorization: `Bearer ${token}` } } };
  if (kind === 'sse') {
    const { SSEClientTransport } = await import('@modelcontextprotocol/sdk/client/sse.js');
    return new SSEClientTransport(new URL(url), options);
  }
  const { StreamableHTTPClientTransport } = await import(
    '@modelcontextprotocol/sdk/client/streamableHttp.js'
  );
  // Its optional members may be undefined, which the interface it implements does not say.
  return new StreamableHTTPClientTransport(new URL(url), options) as Transport;
}

type Fetch = (url: string | URL, init?: RequestInit) => Promise<Response>;

/** Keeps the last answer that was not a success. */
function recorder(signal: AbortSignal) {
  let last: Promise<RawAnswer | null> = Promise.resolve(null);
  const send: Fetch = async (url, init) => {
    const ends = init?.signal ? AbortSignal.any([signal, init.signal]) : signal;
    const response = await fetch(url, { ...init, signal: ends });
    // Opening the optional stream for messages of the server is refused by many, and means nothing.
    const isOptional = init?.method === 'GET' && response.status === 405;
    if (response.ok || isOptional) return response;
    const [body, copy] = response.body?.tee() ?? [null, null];
    const { status, statusText, headers } = response;
    last = rawAnswer(status, headers, copy);
    return new Response(body, { status, statusText, headers });
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
