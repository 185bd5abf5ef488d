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
  /** Resolves at the next end of a turn; rejects when the stream, or the session, ends before. */
  idle(): Promise<void>;
  close(): void;
};

/** `endOfTurn` is the type of the event that ends one. */
export function createClient(baseUrl: string, apiKey: string, endOfTurn = 'session.status_idle'): Client {
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
      sent
        .on('error', (error: NodeJS.ErrnoException) => {
          // A server may close an idle connection at the moment it is used again: it has not read this.
          const isStale = sent.reusedSocket && error.code === 'ECONNRESET';
          if (isStale) call(method, path, body).then(resolve, reject);
          else reject(error);
        })
        .end(text);
    });
  }

  return {
    post: (path, body) => call('POST', path, body),
    get: (path) => call('GET', path),
    stream: (path) =>
      new Promise((resolve, reject) => {
        if (isClosed) return reject(new Error('the client is closed'));
        const sent = request(`${baseUrl}${path}`, { headers, agent: false }, (response) => {
          if (!isGood(response)) return void take(response, `GET ${path}`).catch(reject);
          const stream = streamOf(response, endOfTurn);
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

const isGood = ({ statusCode = 0 }: IncomingMessage) => statusCode >= 200 && statusCode < 300;

/** The answer to a call, empty where it has no body; rejects unless it is a good one. */
function take(response: IncomingMessage, asked: string): Promise<Record<string, unknown>> {
  return new Promise((resolve, reject) => {
    let answer = '';
    response.setEncoding('utf8').on('data', (chunk) => {
      answer += chunk;
    });
    response.on('error', reject).on('end', () => {
      if (!isGood(response)) reject(new Error(`${asked}: ${response.statusCode} ${answer}`));
      else resolve(answer === '' ? {} : JSON.parse(answer));
    });
  });
}

function streamOf(response: IncomingMessage, endOfTurn: string): Stream {
  let seen = 0;
  let rest = '';
  let over: string | null = null;
  let wake: (() => void) | null = null;
  response.setEncoding('utf8').on('data', (chunk: string) => {
    const frames = (rest + chunk).split(/\r?\n\r?\n/);
    rest = frames.pop() ?? '';
    for (const type of frames.map(typeOf))
      if (type === endOfTurn) seen += 1;
      else if (type === 'session.status_terminated') over = 'a session was terminated';
    if (seen > 0 || over !== null) wake?.();
  });
  // Whoever waits hears of it, whatever ended it.
  response.on('error', () => undefined);
  response.on('close', () => {
    over ??= 'a stream ended in the middle of a turn';
    wake?.();
  });
  return {
    async idle() {
      while (seen === 0) {
        if (over !== null) throw new Error(over);
        await new Promise<void>((arrived) => {
          wake = arrived;
        });
      }
      wake = null;
      seen -= 1;
    },
    close: () => response.destroy(),
  };
}

/** The type of the event in a frame: its name or, where it has none, what its data says. */
function typeOf(frame: string): string | undefined {
  const [, name] = /^event: ?(.+?)\r?$/m.exec(frame) ?? [];
  if (name) return name;
  const [, data] = /^data: ?(\{.*\})\r?$/m.exec(frame) ?? [];
  return data && (JSON.parse(data) as { type?: string }).type;
}
