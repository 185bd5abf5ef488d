import { requestHeaders } from '../protocol/beta.ts';
import type { Route } from '../protocol/route.ts';
import type { Frame } from '../protocol/sse.ts';
import { parseFrames } from '../protocol/sse.ts';
import type { Target } from './server-file.ts';

export type FailureDetails = {
  /** 0: no answer at all. */
  readonly status: number;
  readonly type: string;
  readonly requestId?: string | null;
  /** The error as the server sent it. */
  readonly body?: unknown;
};

/** The server said no, or nothing. */
export class ApiFailure extends Error {
  readonly status: number;
  readonly type: string;
  readonly requestId: string | null;
  readonly body: unknown;

  constructor(message: string, { status, type, requestId = null, body }: FailureDetails) {
    super(message);
    this.status = status;
    this.type = type;
    this.requestId = requestId;
    this.body = body ?? { type: 'error', error: { type, message } };
  }
}

type Json = Record<string, unknown>;

export type ClientRequest = {
  readonly route: Route;
  readonly ids: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  /** JSON to be, or a form. */
  readonly body: unknown;
};

export type Client = {
  json(request: ClientRequest): Promise<Json>;
  /** Every item of a list, page after page. */
  items(request: ClientRequest): AsyncGenerator<Json>;
  /** Resolves when the stream is open: what is sent afterwards is in it. Heartbeats are left out. */
  events(request: ClientRequest): Promise<AsyncGenerator<Json>>;
  /** Resolves when the download has begun. */
  download(request: ClientRequest): Promise<AsyncGenerator<Uint8Array>>;
};

export type ClientOptions = {
  readonly target: Target;
  readonly debug: (line: string) => void;
  /** Values for `anthropic-beta` instead of the route's own. */
  readonly betas: readonly string[];
  /** The workspace to act in, for keys of the organization; null: the one of the key. */
  readonly workspaceId: string | null;
  /** Ends everything. */
  readonly signal: AbortSignal;
};

export function createClient({ target, debug, betas, workspaceId, signal }: ClientOptions): Client {
  async function send({ route, ids, query, body }: ClientRequest): Promise<Response> {
    const url = new URL(target.baseUrl + pathOf(route, ids));
    for (const [name, value] of query) url.searchParams.append(name, value);
    if (route.resource[0] === 'beta') url.searchParams.set('beta', 'true');
    // `fetch` gives a form its content type, boundary and all.
    const form = body instanceof FormData ? body : null;
    const text = route.body === null ? null : JSON.stringify(body);
    debug(`${route.method} ${url}${text === null ? '' : ` ${text}`}`);
    const response = await answered(
      fetch(url, {
        method: route.method,
        headers: {
          ...requestHeaders(route),
          ...(betas.length === 0 ? {} : { 'anthropic-beta': betas.join(',') }),
          ...(target.apiKey === null ? {} : { 'x-api-key': target.apiKey }),
          ...(workspaceId === null ? {} : { 'anthropic-workspace-id': workspaceId }),
          ...(text === null ? {} : { 'content-type': 'application/json' }),
          'user-agent': 'anthill-cli',
        },
        ...(text === null && form === null ? {} : { body: form ?? text }),
        // A redirect would take the key to wherever it points.
        redirect: 'manual',
        signal,
      }),
      `cannot reach ${target.baseUrl}: is the server running?`,
    );
    debug(`${response.status} ${response.headers.get('request-id') ?? ''}`);
    if (!response.ok) throw failureOf(response, await answered(response.text(), 'the answer was cut off'));
    return response;
  }

  async function answered<T>(outcome: Promise<T>, otherwise: string): Promise<T> {
    return await outcome.catch((cause: unknown) => {
      if (signal.aborted) throw cause;
      throw new ApiFailure(otherwise, { status: 0, type: 'connection_error' });
    });
  }

  async function json(request: ClientRequest): Promise<Json> {
    const response = await send(request);
    const text = await answered(response.text(), 'the answer was cut off');
    const value = parsed(text);
    if (typeof value === 'object' && value !== null) return value as Json;
    throw new ApiFailure(`${target.baseUrl} did not answer with JSON: is it the right server?`, {
      status: response.status,
      type: 'unexpected_answer',
    });
  }

  async function* eventsOf(frames: AsyncGenerator<Frame>): AsyncGenerator<Json> {
    try {
      for (;;) {
        const next = await answered(frames.next(), 'the stream was cut off');
        if (next.done) return;
        if (next.value.event === 'ping') continue;
        const event = parsed(next.value.data);
        if (next.value.event === 'error') throw streamFailure(event);
        yield event as Json;
      }
    } finally {
      // Lets go of the connection of a stream that was left early.
      await frames.return(undefined);
    }
  }

  async function* bytesOf(body: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
    const reader = body.getReader();
    try {
      for (;;) {
        const next = await answered(reader.read(), 'the download was cut off');
        if (next.done) return;
        yield next.value;
      }
    } finally {
      await reader.cancel();
    }
  }

  return {
    json,
    download: async (request) => bytesOf((await send(request)).body ?? new Blob([]).stream()),
    async *items(request) {
      const query = new URLSearchParams(request.query);
      for (;;) {
        const page = await json({ ...request, query });
        const { data } = page;
        yield* Array.isArray(data) ? data : [];
        const next = nextPage(request.route, page);
        if (next === null) return;
        query.set(next.name, next.value);
      }
    },
    async events(request) {
      const response = await send(request);
      return eventsOf(parseFrames(response.body ?? new ReadableStream()));
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

function nextPage(route: Route, page: Json): { name: string; value: string } | null {
  if (route.paging?.kind === 'ids') {
    return page['has_more'] === true ? { name: 'after_id', value: String(page['last_id']) } : null;
  }
  return typeof page['next_page'] === 'string' ? { name: 'page', value: page['next_page'] } : null;
}

function failureOf(response: Response, text: string): ApiFailure {
  const requestId = response.headers.get('request-id');
  const body = parsed(text);
  const error = member(body, 'error');
  const [type, message] = [member(error, 'type'), member(error, 'message')];
  if (typeof type === 'string' && typeof message === 'string')
    return new ApiFailure(message, { status: response.status, type, requestId, body });
  const location = response.headers.get('location');
  const said = location === null ? text.slice(0, 500) : `redirects to ${location}, which is not followed`;
  return new ApiFailure(said, { status: response.status, type: 'unexpected_answer', requestId });
}

function streamFailure(event: unknown): ApiFailure {
  const message = member(member(event, 'error'), 'message');
  return new ApiFailure(typeof message === 'string' ? message : 'the stream failed', {
    status: 0,
    type: 'stream_error',
    body: event,
  });
}

function member(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}

/** JSON, or undefined. */
function parsed(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return value;
  } catch {
    return undefined;
  }
}
