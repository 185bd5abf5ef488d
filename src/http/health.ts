import type { Hono } from 'hono';
import { json } from './answer.ts';

/** `/health`: for who decides whether requests are sent here. */
export function addHealth(app: Hono, isReady: () => boolean): void {
  app.get('/health', () =>
    isReady() ? json(200, { status: 'ok' }, {}) : json(503, { status: 'stopping' }, {}),
  );
}
