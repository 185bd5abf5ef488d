import { Hono } from 'hono';
import type { Clock } from '../base/clock.ts';
import type { EventStream } from '../control/stream-events.ts';
import { checkBeta, checkVersion, isOlderClient } from '../protocol/beta.ts';
import type { Download } from '../protocol/form.ts';
import { parseQuery } from '../protocol/parse.ts';
import { Refusal } from '../protocol/refusal.ts';
import type { Route } from '../protocol/route.ts';
import { routes } from '../protocol/routes.ts';
import type { Admission } from './admission.ts';
import type { AnswerDeps } from './answer.ts';
import { answer, json } from './answer.ts';
import { readBody } from './body.ts';
import type { Cursors } from './cursors.ts';
import { addDocuments } from './documents.ts';
import { downloadResponse } from './download.ts';
import type { Handlers } from './handlers.ts';
import { addHealth } from './health.ts';
import type { MetricsDeps } from './metrics.ts';
import { addMetrics } from './metrics.ts';
import type { Frames } from './sse.ts';
import { readsOnlyMessages, sseResponse } from './sse.ts';

export type AppDeps = AnswerDeps &
  Pick<MetricsDeps, 'metrics'> & {
    /** By workspace: what they do not reach is not there for its clients. */
    readonly handlers: (workspaceId: string) => Handlers;
    readonly admission: Admission;
    readonly cursors: Cursors;
    /** False while the server drains. */
    readonly isReady: () => boolean;
    /** Of the server, for its documents. */
    readonly version: string;
    readonly clock: Clock;
    /** Told of every answer to a route, with the seconds to its first byte. */
    readonly noticeAnswer: (route: Route, status: number, seconds: number) => void;
  };

export type App = { readonly fetch: (request: Request) => Response | Promise<Response> };

/** What the compiler cannot see through the table: each handler fits the route it is filed under. */
type AnyHandler = (call: unknown) => Promise<unknown>;

/**
 * The door, one for all routes: authenticate, check the headers, parse once, call, answer. Requests are
 * checked in the order: path, key, version, beta value, rights, body; the handler sees only what passed.
 */
export function createApp(deps: AppDeps): App {
  const app = new Hono({ strict: true });
  const frames: Frames = new WeakMap();
  addHealth(app, deps.isReady);
  app.get('/', (context) =>
    context.text('Anthill: a server for Managed Agents. The API is below /v1, its description at /docs.\n'),
  );
  addDocuments(app, deps.version);
  addMetrics(app, { ...deps, authenticate: deps.admission.authenticate });
  const entries: [string, Route][] = Object.entries(routes);
  const served = new Set<string>();
  for (const [key, route] of entries) {
    const endpoint = `${route.method} ${route.path}`;
    // The SDK's `beta.models` is the same endpoint as `models`.
    if (served.has(endpoint)) continue;
    served.add(endpoint);
    app.on(route.method, route.path, async (context) => {
      const from = performance.now();
      const response = await answer(deps, context.req.raw, (request, headers) =>
        serve({ ...deps, frames }, { key, route, request, headers, params: canonical(context.req.param()) }),
      );
      deps.noticeAnswer(route, response.status, (performance.now() - from) / 1000);
      return response;
    });
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

/** `session_…` is an older spelling of a session's id (spec/README.md, IDs). */
function canonical(params: Readonly<Record<string, string>>): Record<string, string> {
  const { session_id: id } = params;
  return id?.startsWith('session_')
    ? { ...params, session_id: `sesn_${id.slice('session_'.length)}` }
    : params;
}

const workerNameMax = 256;

type Served = {
  readonly key: string;
  readonly route: Route;
  readonly request: Request;
  readonly headers: Record<string, string>;
  readonly params: Record<string, string>;
};

async function serve(
  deps: AppDeps & { readonly frames: Frames },
  { key, route, request, headers, params }: Served,
): Promise<Response> {
  const asked = { key, route, params, headers: request.headers };
  const caller = await deps.admission.admit(asked);
  headers['anthropic-workspace-id'] = caller.workspaceId;
  checkVersion(request.headers.get('anthropic-version'));
  const betas = checkBeta(route, request.headers.get('anthropic-beta'));
  await deps.admission.allow(asked, caller);
  const list = { workspaceId: caller.workspaceId, route, params };
  const parameters = new URL(request.url).searchParams;
  const query = deps.cursors.opened(list, parseQuery(route, parameters, isOlderClient(route, betas)));
  const body = await readBody(route, request);
  // A client that reconnects by itself sends the header along with its first URL, so the header is newer.
  const lastEventId = request.headers.get('last-event-id') || null;
  const handler: AnyHandler = Reflect.get(deps.handlers(caller.workspaceId), key);
  const worker = request.headers.get('anthropic-worker-id')?.slice(0, workerNameMax) || null;
  const result = await handler({ params, query, body, lastEventId, betas, worker, ...caller });
  deps.admission.record(asked, caller);
  // What a handler answers depends on its route, see Answer.
  if (route.downloads) return downloadResponse(result as Download, headers);
  if (!route.streams) return json(200, deps.cursors.sealed(list, result), headers);
  return sseResponse(result as EventStream, {
    clock: deps.clock,
    frames: deps.frames,
    extraHeaders: headers,
    onlyMessages: readsOnlyMessages(request.headers),
    check: () => deps.admission.authenticate(request.headers),
  });
}
