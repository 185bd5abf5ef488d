import { requestHeaders } from '../protocol/beta.ts';
import type { Route } from '../protocol/route.ts';
import { parseFrames } from '../protocol/sse.ts';
import type { Target } from './server-file.ts';

/** The server said no. */
export class ApiFailure extends Error {
  readonly status: number;
  readonly type: string;
  readonly requestId: string | null;

  constructor(status: number, type: string, message: string, requestId: string | null) {
    super(message);
    this.status = status;
    this.type = type;
    this.requestId = requestId;
  }
}

export type ClientRequest = {
  readonly route: Route;
  readonly ids: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly body: unknown;
  readonly signal?: AbortSignal;
};

export type Client = {
  json(request: ClientRequest): Promise<Record<string, unknown>>;
  /** Every item of a list, page after page. */
  items(request: ClientRequest): AsyncGenerator<Record<string, unknown>>;
  /** Every event of a stream; heartbeats are left out. */
  events(request: ClientRequest): AsyncGenerator<Record<string, unknown>>;
};

export type ClientOptions = { readonly target: Target; readonly debug: (line: string) => void };

export function createClient({ target, debug }: ClientOptions): Client {
  async function send({ route, ids, query, body, signal }: ClientRequest): Promise<Response> {
    const url = new URL(target.baseUrl + pathOf(route, ids));
    for (const [name, value] of query) url.searchParams.append(name, value);
    if (route.resource[0] === 'beta') url.searchParams.set('beta', 'true');
    const hasBody = route.body !== null;
    debug(`${route.method} ${url}`);
    const response = await fetch(url, {
      method: route.method,
      headers: {
        ...requestHeaders(route),
        ...(target.apiKey === null ? {} : { 'x-api-key': target.apiKey }),
        ...(hasBody ? { 'content-type': 'application/json' } : {}),
        'user-agent': 'anthill-cli',
      },
      ...(hasBody ? { body: JSON.stringify(body) } : {}),
      ...(signal ? { signal } : {}),
    }).catch((cause: unknown) => {
      if (signal?.aborted) throw cause;
      throw new ApiFailure(
        0,
        'connection_error',
        `cannot reach ${target.baseUrl}: is the server running?`,
        null,
      );
    });
    debug(`${response.status} ${response.headers.get('request-id') ?? ''}`);
    if (!response.ok) throw await failureOf(response);
    return response;
  }

  async function json(request: ClientRequest): Promise<Record<string, unknown>> {
    const value: unknown = await (await send(request)).json();
    return value as Record<string, unknown>;
  }

  return {
    json,
    async *items(request) {
      const query = new URLSearchParams(request.query);
      for (;;) {
        const page = await json({ ...request, query });
        yield* page['data'] as Record<string, unknown>[];
        const next = nextPage(request.route, page);
        if (next === null) return;
        query.set(next.name, next.value);
      }
    },
    async *events(request) {
      const response = await send(request);
      for await (const frame of parseFrames(response.body ?? new ReadableStream())) {
        if (frame.event === 'ping') continue;
        const event: unknown = JSON.parse(frame.data);
        if (frame.event === 'error') throw streamFailure(event);
        yield event as Record<string, unknown>;
      }
    },
  };
}

function pathOf(route: Route, ids: Readonly<Record<string, string>>): string {
  return route.path.replace(/:(\w+)(\{[^}]*\})?/g, (_, name: string, pattern?: string) => {
    const id = ids[name] ?? '';
    // Ids such as `scripted/demo` keep their slash.
    return pattern ? id.split('/').map(encodeURIComponent).join('/') : encodeURIComponent(id);
  });
}

function nextPage(route: Route, page: Record<string, unknown>): { name: string; value: string } | null {
  if (route.paging?.kind === 'ids') {
    return page['has_more'] === true ? { name: 'after_id', value: String(page['last_id']) } : null;
  }
  return typeof page['next_page'] === 'string' ? { name: 'page', value: page['next_page'] } : null;
}

async function failureOf(response: Response): Promise<ApiFailure> {
  const text = await response.text();
  const requestId = response.headers.get('request-id');
  try {
    const { error } = JSON.parse(text);
    return new ApiFailure(response.status, String(error.type), String(error.message), requestId);
  } catch {
    return new ApiFailure(response.status, 'error', text.slice(0, 500), requestId);
  }
}

function streamFailure(event: unknown): ApiFailure {
  const error = typeof event === 'object' && event !== null ? Reflect.get(event, 'error') : null;
  const message =
    typeof error === 'object' && error !== null ? Reflect.get(error, 'message') : 'the stream failed';
  return new ApiFailure(200, 'stream_error', String(message), null);
}
