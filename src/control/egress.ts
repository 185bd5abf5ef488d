import type { Clock } from '../base/clock.ts';
import type { Collections } from '../domain/collections.ts';
import type { EgressDecision } from '../protocol/egress.ts';
import type { QueryOf } from '../protocol/routes.ts';
import type { Page } from './page.ts';
import { pageOf } from './page.ts';
import { absentSession } from './sessions.ts';

export type EgressDeps = {
  readonly collections: Pick<Collections, 'egress' | 'sessions'>;
  readonly clock: Clock;
};

export type EgressCommands = {
  list(sessionId: string, query: QueryOf<'beta.sessions.egress list'>): Promise<Page<EgressDecision>>;
};

export function createEgressCommands({ collections, clock }: EgressDeps): EgressCommands {
  return {
    async list(sessionId, query) {
      const session = await collections.sessions.get(sessionId, clock.nowUs());
      if (!session) throw absentSession(sessionId);
      return await pageOf(query, { limit: 20, order: 'desc' }, (page) =>
        collections.egress.page(sessionId, { ...page, result: query.result ?? null }),
      );
    },
  };
}
