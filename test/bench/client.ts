import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:http';

/** The load client: bare `node:http`, so that little of what is measured is the client's own work. */
export type Client = {
  post(path: string, body: unknown): Promise<Record<string, unknown>>;
  get(path: string): Promise<Record<string, unknown>>;
  /** Opens an event stream; resolves once the server has accepted it. */
  stream(path: string): Promise<Stream>;
  /** Ends everything that is under way, streams too: it rejects, and so does what is asked later. */
  close(): void;
};

export type Stream = {
  /** Resolves at the next `session.status_idle`; rejects when the stream ends before. */
  idle(): Promise<void>;
  close(): void;
};

export function createClient(baseUrl: string, apiKey: string): Client {
  const agent = new Agent({ keepAlive: true, maxSockets: 256 });
  const headers = {
    'x-api-key': apiKey,
    'anthropic-version': '2023-06-01',
    'anthropic-beta': 'managed-agents-2026-04-01',
    'content-type': 'application/json',
  };

  const streams = new Set<Stream>();
  let isClosed = false;

  function call(method: string, path: string, body?: unknown): Promise<Record<string, unknown>> {
    return new Promise((resolve, reject) => {
      if (isClosed) return reject(new Error('the client is closed'));
      const text = body === undefined ? '' : JSON.stringify(body);
      const sent = request(
        `${baseUrl}${path}`,
        { method, agent, headers: { ...headers, 'content-length': Buffer.byteLength(text) } },
        (response) => take(response, `${method} ${path}`).then(resolve, reject),
      );
      sent.on('error', reject).end(text);
    });
  }

  return {
    post: (path, body) => call('POST', path, body),
    get: (path) => call('GET', path),
    stream: (path) =>
      new Promise((resolve, reject) => {
        if (isClosed) return reject(new Error('the client is closed'));
        const sent = request(`${baseUrl}${path}`, { headers, agent: false }, (response) => {
          if (response.statusCode !== 200) return void take(response, `GET ${path}`).catch(reject);
          const stream = streamOf(response);
          streams.add(stream);
          response.on('close', () => streams.delete(stream));
          resolve(stream);
        });
        sent.on('error', reject).end();
      }),
    close() {
      isClosed = true;
      agent.destroy();
      for (const stream of streams) stream.close();
    },
  };
}

/** The answer to a call; rejects unless it is a good one. */
function take(response: IncomingMessage, asked: string): Promise<Record<string, unknown>> {
  return new Promise((resolve, reject) => {
    let answer = '';
    response.setEncoding('utf8').on('data', (chunk) => {
      answer += chunk;
    });
    response.on('error', reject).on('end', () => {
      if (response.statusCode !== 200) reject(new Error(`${asked}: ${response.statusCode} ${answer}`));
      else resolve(JSON.parse(answer));
    });
  });
}

function streamOf(response: IncomingMessage): Stream {
  let seen = 0;
  let rest = '';
  let isOver = false;
  let wake: (() => void) | null = null;
  response.setEncoding('utf8').on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    seen += lines.filter((line) => line === 'event: session.status_idle').length;
    if (seen > 0) wake?.();
  });
  // Whoever waits hears of it, whatever ended it.
  response.on('error', () => undefined);
  response.on('close', () => {
    isOver = true;
    wake?.();
  });
  return {
    async idle() {
      if (seen === 0 && !isOver)
        await new Promise<void>((arrived) => {
          wake = arrived;
        });
      wake = null;
      if (seen === 0) throw new Error('a stream ended in the middle of a turn');
      seen -= 1;
    },
    close: () => response.destroy(),
  };
}
