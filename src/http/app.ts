import { Hono } from 'hono';
import type { Clock } from '../base/clock.ts';
import type { NewId } from '../base/ids.ts';
import type { Log } from '../base/log.ts';
import type { EventStream } from '../control/stream-events.ts';
import { checkBeta, checkVersion, isOlderClient } from '../protocol/beta.ts';
import { internalError, wireError } from '../protocol/errors.ts';
import type { Download } from '../protocol/form.ts';
import { parseQuery } from '../protocol/parse.ts';
import { Refusal } from '../protocol/refusal.ts';
import type { Route } from '../protocol/route.ts';
import { routes } from '../protocol/routes.ts';
import type { Authenticate } from './auth.ts';
import { readBody } from './body.ts';
import type { Cursors } from './cursors.ts';
import { addDocuments } from './documents.ts';
import { downloadResponse } from './download.ts';
import type { Handlers } from './handlers.ts';
import { readsOnlyMessages, sseResponse } from './sse.ts';

export type AppDeps = {
  /** By workspace: what they do not reach is not there for its clients. */
  readonly handlers: (workspaceId: string) => Handlers;
  readonly authenticate: Authenticate;
  readonly cursors: Cursors;
  /** False while the server drains. */
  readonly isReady: () => boolean;
  readonly organizationId: string;
  /** Of the server, for its documents. */
  readonly version: string;
  readonly clock: Clock;
  readonly newId: NewId;
  readonly log: Log;
};

export type App = { readonly fetch: (request: Request) => Response | Promise<Response> };

/** What the compiler cannot see through the table: each handler fits the route it is filed under. */
type AnyHandler = (call: unknown) => Promise<unknown>;

/**
 * The door, one for all routes: authenticate, check the headers, parse once, call, answer. Requests are
 * checked in the order: path, key, version, beta value, body; the handler sees only what passed.
 */
export function createApp(deps: AppDeps): App {
  const app = new Hono({ strict: true });
  app.get('/health', () =>
    json(deps.isReady() ? 200 : 503, { status: deps.isReady() ? 'ok' : 'stopping' }, {}),
  );
  app.get('/', (context) =>
    context.text('Anthill: a server for Managed Agents. The API is below /v1, its description at /docs.\n'),
  );
  addDocuments(app, deps.version);
  const entries: [string, Route][] = Object.entries(routes);
  const served = new Set<string>();
  for (const [key, route] of entries) {
    const endpoint = `${route.method} ${route.path}`;
    // The SDK's `beta.models` is the same endpoint as `models`.
    if (served.has(endpoint)) continue;
    served.add(endpoint);
    app.on(route.method, route.path, (context) =>
      answer(deps, context.req.raw, (request, headers) =>
        serve(deps, { key, route, request, headers, params: canonical(context.req.param()) }),
      ),
    );
  }
  for (const path of new Set(entries.map(([, route]) => route.path))) {
    const allowed = [
      ...new Set(entries.filter(([, route]) => route.path === path).map(([, route]) => route.method)),
    ];
    app.all(path, async (context) => {
      const refusal = wrongMethod(context.req.method, allowed);
      const response = await answer(deps, context.req.raw, () => Promise.reject(refusal));
      response.headers.set('allow', allowed.join(', '));
      return response;
    });
  }
  app.notFound((context) =>
    answer(deps, context.req.raw, () => Promise.reject(new Refusal('not_found', 'Not found'))),
  );
  return { fetch: (request) => app.fetch(request) };
}

function wrongMethod(method: string, allowed: readonly string[]): Refusal {
  return new Refusal('method', `Method ${method} is not allowed here; use ${allowed.join(' or ')}`);
}

type Reply = (request: Request, headers: Record<string, string>) => Promise<Response>;

async function answer(deps: AppDeps, request: Request, reply: Reply): Promise<Response> {
  const requestId = deps.newId('req');
  const headers: Record<string, string> = {
    'request-id': requestId,
    'anthropic-organization-id': deps.organizationId,
  };
  try {
    return await reply(request, headers);
  } catch (cause) {
    const refusal = cause instanceof Refusal ? cause : internalError(cause);
    if (refusal.code === 'internal')
      deps.log.error('request.failed', { requestId, path: new URL(request.url).pathname, cause });
    const error = wireError(refusal, requestId);
    return json(error.status, error.body, { ...headers, ...error.headers });
  }
}

/** `session_…` is an older spelling of a session's id (spec/README.md, IDs). */
function canonical(params: Readonly<Record<string, string>>): Record<string, string> {
  const { session_id: id } = params;
  return id?.startsWith('session_')
    ? { ...params, session_id: `sesn_${id.slice('session_'.length)}` }
    : params;
}

type Served = {
  readonly key: string;
  readonly route: Route;
  readonly request: Request;
  readonly headers: Record<string, string>;
  readonly params: Record<string, string>;
};

async function serve(deps: AppDeps, { key, route, request, headers, params }: Served): Promise<Response> {
  const { apiKeyId, workspaceId } = await deps.authenticate(request.headers);
  headers['anthropic-workspace-id'] = workspaceId;
  checkVersion(request.headers.get('anthropic-version'));
  const betas = checkBeta(route, request.headers.get('anthropic-beta'));
  const list = { workspaceId, route, params };
  const parameters = new URL(request.url).searchParams;
  const query = deps.cursors.opened(list, parseQuery(route, parameters, isOlderClient(route, betas)));
  const body = await readBody(route, request);
  // A client that reconnects by itself sends the header along with its first URL, so the header is newer.
  const lastEventId = request.headers.get('last-event-id') || null;
  const handler: AnyHandler = Reflect.get(deps.handlers(workspaceId), key);
  const result = await handler({ params, query, body, lastEventId, apiKeyId, betas });
  // What a handler answers depends on its route, see Answer.
  if (route.downloads) return downloadResponse(result as Download, headers);
  if (!route.streams) return json(200, deps.cursors.sealed(list, result), headers);
  const onlyMessages = readsOnlyMessages(request.headers);
  return sseResponse(result as EventStream, { clock: deps.clock, extraHeaders: headers, onlyMessages });
}

function json(status: number, body: unknown, headers: Readonly<Record<string, string>>): Response {
  return new Response(JSON.stringify(body), {
    status,
    headers: { 'content-type': 'application/json', ...headers },
  });
}
