import { z } from 'zod';
import { egressDecisionSchema, egressResults } from './egress.ts';
import type { Route } from './route.ts';
import { cursor, list, time } from './route-parts.ts';

/** Ours: the API of record has nothing of the kind. */
export const egressRoutes = {
  'beta.sessions.egress list': {
    beta: 'managed-agents',
    messages: 'managed',
    resource: ['beta', 'sessions', 'egress'],
    ...list(egressDecisionSchema, cursor(20, 1000), {
      order: z.enum(['asc', 'desc']).optional(),
      result: z.enum(egressResults).optional(),
      'created_at[gt]': time,
      'created_at[gte]': time,
      'created_at[lt]': time,
      'created_at[lte]': time,
    }),
    action: 'list',
    summary: "List what was decided about connections out of a session's sandbox, newest first",
    path: '/v1/sessions/:session_id/egress',
  },
} as const satisfies Record<string, Route>;
