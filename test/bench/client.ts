import { Agent, request } from 'node:http';

/** The load client: bare `node:http`, so that little of what is measured is the client's own work. */
export type Client = {
  post(path: string, body: unknown): Promise<Record<string, unknown>>;
  get(path: string): Promise<Record<string, unknown>>;
  /** Opens an event stream; resolves once the server has accepted it. */
  stream(path: string): Promise<Stream>;
  close(): void;
};

export type Stream = {
  /** Resolves at the next `session.status_idle`. */
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

  function call(method: string, path: string, body?: unknown): Promise<Record<string, unknown>> {
    return new Promise((resolve, reject) => {
      const text = body === undefined ? '' : JSON.stringify(body);
      const sent = request(
        `${baseUrl}${path}`,
        { method, agent, headers: { ...headers, 'content-length': Buffer.byteLength(text) } },
        (response) => {
          let answer = '';
          response.setEncoding('utf8').on('data', (chunk) => {
            answer += chunk;
          });
          response.on('end', () => {
            if (response.statusCode !== 200)
              reject(new Error(`${method} ${path}: ${response.statusCode} ${answer}`));
            else resolve(JSON.parse(answer));
          });
        },
      );
      sent.on('error', reject).end(text);
    });
  }

  return {
    post: (path, body) => call('POST', path, body),
    get: (path) => call('GET', path),
    stream: (path) =>
      new Promise((resolve, reject) => {
        const sent = request(`${baseUrl}${path}`, { headers, agent: false }, (response) => {
          let seen = 0;
          let rest = '';
          let wake: (() => void) | null = null;
          response.setEncoding('utf8').on('data', (chunk: string) => {
            const lines = (rest + chunk).split('\n');
            rest = lines.pop() ?? '';
            seen += lines.filter((line) => line === 'event: session.status_idle').length;
            if (seen > 0) wake?.();
          });
          resolve({
            async idle() {
              if (seen === 0)
                await new Promise<void>((arrived) => {
                  wake = arrived;
                });
              seen -= 1;
              wake = null;
            },
            close: () => response.destroy(),
          });
        });
        sent.on('error', reject).end();
      }),
    close: () => agent.destroy(),
  };
}
