import { mcpAnswerBytesMax } from '../../domain/limits.ts';
import type { Fetch } from './client.ts';

export type Credentialed = {
  readonly fetch: Fetch;
  /** Of the last answer that was not a success and mattered; undefined: there was none. */
  readonly lastStatus: () => number | undefined;
  /** Tokens that were sent: an answer may repeat them. */
  readonly sent: () => readonly string[];
};

/**
 * Requests to one server with the token that its vault has at the moment of each, so that a rotation needs no new
 * connection. A token that is refused is exchanged once, and the request repeated.
 */
export function credentialedFetch(
  server: string,
  tokenFor: (rejected: string | null) => Promise<string | null>,
): Credentialed {
  const { origin } = new URL(server);
  let status: number | undefined;
  const sent = new Set<string>();

  const send: Fetch = async (url, init) => {
    const response = await sendWithToken(url, init);
    // Opening the optional stream for messages of the server is refused by many, and means nothing.
    const isOptional = init?.method === 'GET' && response.status === 405;
    if (!response.ok && !isOptional) status = response.status;
    return bounded(response);
  };

  async function sendWithToken(url: string | URL, init: RequestInit | undefined): Promise<Response> {
    if (new URL(url).origin !== origin) return await fetch(url, init);
    const token = await tokenFor(null);
    if (token !== null) sent.add(token);
    const response = await fetch(url, withToken(init, token));
    if (response.status !== 401 || token === null) return response;
    const other = await tokenFor(token);
    if (other === null || other === token) return response;
    sent.add(other);
    await response.body?.cancel();
    return await fetch(url, withToken(init, other));
  }

  return { fetch: send, lastStatus: () => status, sent: () => [...sent] };
}

/** An answer that goes on for longer breaks off: the client of the protocol would keep all of it. */
function bounded(response: Response): Response {
  if (response.body === null) return response;
  let bytes = 0;
  const limit = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      bytes += chunk.byteLength;
      if (bytes > mcpAnswerBytesMax) controller.error(new Error('the answer of the MCP server is too large'));
      else controller.enqueue(chunk);
    },
  });
  const { status, statusText, headers } = response;
  return new Response(response.body.pipeThrough(limit), { status, statusText, headers });
}

function withToken(init: RequestInit | undefined, token: string | null): RequestInit {
  const headers = new Headers(init?.headers);
  if (token !== null) headers.set('authorization', `Bearer ${token}`);
  return { ...init, headers };
}
