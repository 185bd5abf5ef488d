import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { Agent, request } from 'node:http';
import type { ServerProcess } from './server.ts';

/** A request as it goes over the wire: nothing is completed or corrected. */
export type Raw = {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | null;
  readonly diesAfter: number | null;
};

export type RawAnswer = {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Null: a stream, of which nothing was read. */
  readonly text: string | null;
};

export type RawClient = {
  /** Null: the client was gone before it was answered. */
  send(raw: Raw): Promise<RawAnswer | null>;
  close(): void;
};

const answerMsMax = 20_000;

/** Over connections that are kept. */
export function rawClient({ baseUrl, apiKey }: Pick<ServerProcess, 'baseUrl' | 'apiKey'>): RawClient {
  const agent = new Agent({ keepAlive: true });
  const { hostname, port } = new URL(baseUrl);

  return {
    send: ({ method, path, headers, body, diesAfter }) =>
      new Promise((resolve, reject) => {
        const length = body === null ? {} : { 'content-length': body.length };
        const sent = request({
          ...{ hostname, port, agent, method, path },
          headers: { 'x-api-key': apiKey, ...headers, ...length },
          timeout: answerMsMax,
        });
        sent.once('timeout', () => sent.destroy(new Error(`no answer within ${answerMsMax} ms`)));
        if (body && diesAfter !== null) {
          sent.once('error', () => resolve(null));
          sent.once('response', () => resolve(null));
          sent.write(body.subarray(0, diesAfter), () => sent.destroy(new Error('gone')));
          return;
        }
        sent.once('error', reject);
        sent.once('response', (response) => void read(response).then(resolve, reject));
        sent.end(body ?? undefined);
      }),
    close: () => agent.destroy(),
  };
}

async function read(response: IncomingMessage): Promise<RawAnswer> {
  const { statusCode: status = 0, headers } = response;
  if (headers['content-type']?.startsWith('text/event-stream')) {
    response.destroy();
    return { status, headers, text: null };
  }
  let text = '';
  for await (const chunk of response.setEncoding('utf8')) text += chunk;
  return { status, headers, text };
}
