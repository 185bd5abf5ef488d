import type { IncomingHttpHeaders } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export type Recorded = {
  readonly method: string;
  /** With the query. */
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  /** Parsed; undefined when there was none. */
  readonly body: unknown;
};

export type Answer = {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** JSON; text and bytes as they are. */
  readonly body?: unknown;
  /** The answer goes on for ever. */
  readonly isOpen?: boolean;
  /** The connection breaks after the body. */
  readonly isCut?: boolean;
};

export type RecordingServer = {
  readonly url: string;
  readonly requests: Recorded[];
  close(): Promise<void>;
};

/** An HTTP server that remembers every request and answers as told. */
export async function startRecordingServer(
  answer: (request: Recorded) => Answer = () => ({ body: {} }),
): Promise<RecordingServer> {
  const requests: Recorded[] = [];
  const server = createServer(async (incoming, outgoing) => {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk);
    const text = Buffer.concat(chunks).toString('utf8');
    const { method = '', url = '', headers } = incoming;
    const recorded = { method, url, headers, body: text === '' ? undefined : JSON.parse(text) };
    requests.push(recorded);
    const { status = 200, headers: extra = {}, body = '', isOpen = false, isCut = false } = answer(recorded);
    outgoing.writeHead(status, { 'content-type': 'application/json', ...extra });
    const sent = typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body);
    outgoing.write(sent, () => isCut && outgoing.destroy());
    if (!isOpen && !isCut) outgoing.end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}
