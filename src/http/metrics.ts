import type { Hono } from 'hono';
import { Refusal } from '../protocol/refusal.ts';
import type { AnswerDeps } from './answer.ts';
import { answer } from './answer.ts';
import type { Authenticate } from './auth.ts';

export type MetricsDeps = AnswerDeps & {
  readonly authenticate: Authenticate;
  readonly metrics: {
    /** In the text format of Prometheus. */
    readonly read: () => Promise<string>;
    /** Whoever reaches the server may read them. */
    readonly isOpen: boolean;
  };
};

/** `/metrics`: they tell of all workspaces, so that reading them takes a key with admin rights. */
export function addMetrics(app: Hono, deps: MetricsDeps): void {
  const { authenticate, metrics } = deps;
  app.get('/metrics', (context) =>
    answer(deps, context.req.raw, async (request, headers) => {
      if (!metrics.isOpen) {
        const { isAdmin } = await authenticate(request.headers);
        if (!isAdmin) throw new Refusal('permission', 'This API key cannot read metrics; use an admin key');
      }
      const type = 'text/plain; version=0.0.4; charset=utf-8';
      return new Response(await metrics.read(), { headers: { ...headers, 'content-type': type } });
    }),
  );
}
