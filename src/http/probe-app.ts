import { Hono } from 'hono';
import { Refusal } from '../protocol/refusal.ts';
import { answer } from './answer.ts';
import type { App, AppDeps } from './app.ts';
import { addHealth } from './health.ts';
import { addMetrics } from './metrics.ts';

export type ProbeAppDeps = Pick<
  AppDeps,
  'isReady' | 'metrics' | 'admission' | 'organizationId' | 'newId' | 'log'
>;

/** The door of a server that does not answer the API: its health and its metrics. */
export function createProbeApp(deps: ProbeAppDeps): App {
  const app = new Hono({ strict: true });
  addHealth(app, deps.isReady);
  addMetrics(app, { ...deps, authenticate: deps.admission.authenticate });
  const elsewhere = 'This server does not answer the API: it was started without the role api';
  app.notFound((context) =>
    answer(deps, context.req.raw, () => Promise.reject(new Refusal('not_found', elsewhere))),
  );
  return { fetch: (request) => app.fetch(request) };
}
