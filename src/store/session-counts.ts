import type { Clock } from '../base/clock.ts';
import type { SessionCounts } from '../domain/session-counts.ts';
import { sessionStatuses } from '../protocol/sessions.ts';
import type { Engine } from './engines/engine.ts';
import { build } from './tables.ts';

/** What operators watch, over all workspaces; from indexes, without a look at the sessions themselves. */
export function createSessionCounts(engine: Engine, clock: Clock): SessionCounts {
  return {
    async byStatus() {
      const query = build
        .selectFrom('sessions')
        .select(({ fn }) => ['status', fn.countAll<number>().as('count')])
        .where('archived_at_us', 'is', null)
        .groupBy('status');
      const counts = new Map((await engine.read.all(query.compile())).map((row) => [row.status, row.count]));
      return sessionStatuses.map((status) => ({ status, count: Number(counts.get(status) ?? 0) }));
    },
    async waiting() {
      const nowUs = clock.nowUs();
      const query = build
        .selectFrom('sessions')
        .select(({ fn }) => [fn.countAll<number>().as('count'), fn.min('wake_at_us').as('oldest')])
        .where('wake_at_us', '<=', nowUs)
        .where((where) => where.or([where('lease_owner', 'is', null), where('lease_until_us', '<', nowUs)]));
      const [row] = await engine.read.all(query.compile());
      const count = Number(row?.count ?? 0);
      const oldest = row?.oldest ?? null;
      return { count, oldestSeconds: oldest === null ? 0 : (nowUs - Number(oldest)) / 1e6 };
    },
    async leased() {
      const nowUs = clock.nowUs();
      const query = build
        .selectFrom('sessions')
        .select(({ fn }) => fn.countAll<number>().as('count'))
        .where('wake_at_us', 'is not', null)
        .where('lease_until_us', '>=', nowUs);
      const [row] = await engine.read.all(query.compile());
      return Number(row?.count ?? 0);
    },
  };
}
