import type { Clock } from '../base/clock.ts';
import type { NewId } from '../base/ids.ts';
import { newSessionsToken } from '../base/secrets.ts';
import { sha256Hex } from '../base/sha256.ts';
import type { Collections, PageQuery } from '../domain/collections.ts';
import { absentEnvironment } from '../domain/environments.ts';
import { workersNotedMax, workersSeenMs, workReclaimMsDefault } from '../domain/limits.ts';
import { mergeMetadata } from '../domain/metadata.ts';
import { abandonCalls } from '../domain/session/abandoned.ts';
import { draftOf } from '../domain/session/draft.ts';
import type { SessionLog } from '../domain/session/session-log.ts';
import type { StoredWork, WorkItems } from '../domain/work.ts';
import { acknowledge, beat, heartbeatOf, stop, workOf } from '../domain/work.ts';
import { invalid, Refusal } from '../protocol/refusal.ts';
import type { Work, WorkHeartbeat, WorkStats, WorkStop, WorkUpdate } from '../protocol/work.ts';
import type { Page, WindowQuery } from './page.ts';
import { pageOf } from './page.ts';
import type { WorkSignals } from './work-signals.ts';

export type WorkDeps = {
  readonly log: SessionLog;
  readonly collections: Pick<Collections, 'environments' | 'workItems'>;
  readonly signals: WorkSignals;
  readonly clock: Clock;
  readonly newId: NewId;
};

export type PollQuery = {
  readonly block_ms?: number | undefined;
  readonly reclaim_older_than_ms?: number | undefined;
};

export type HeartbeatQuery = {
  readonly desired_ttl_seconds?: number | undefined;
  readonly expected_last_heartbeat?: string | undefined;
};

export type WorkCommands = {
  list(environmentId: string, query: WindowQuery): Promise<Page<Work>>;
  /** Waits for up to `block_ms`. `worker` is what the caller calls itself. */
  poll(environmentId: string, query: PollQuery, worker: string | null): Promise<Work | null>;
  stats(environmentId: string): Promise<WorkStats>;
  retrieve(environmentId: string, id: string): Promise<Work>;
  update(environmentId: string, id: string, body: WorkUpdate): Promise<Work>;
  ack(environmentId: string, id: string): Promise<Work>;
  heartbeat(environmentId: string, id: string, query: HeartbeatQuery): Promise<WorkHeartbeat>;
  stop(environmentId: string, id: string, body: WorkStop): Promise<Work>;
};

/** How often a worker that polls is written down, and how often another process is looked at for new work. */
const notedEveryUs = 10_000_000;
const otherProcessesMs = 250;

export function createWorkCommands({ log, collections, signals, clock, newId }: WorkDeps): WorkCommands {
  const { environments, workItems } = collections;
  const note = createNotes(workItems, clock);
  const shown = (stored: StoredWork) => workOf(stored, clock.nowUs());

  async function requireQueue(environmentId: string): Promise<void> {
    const environment = await environments.get(environmentId);
    if (!environment) throw absentEnvironment(environmentId);
    if (environment.config.type !== 'self_hosted')
      throw invalid(`Environment ${environmentId} is not self_hosted: it has no work queue`);
  }

  async function claim(environmentId: string, reclaimMs: number): Promise<Work | null> {
    const nowUs = clock.nowUs();
    const token = newSessionsToken();
    const claimed = await workItems.claim(environmentId, {
      nowUs,
      claimedBeforeUs: nowUs - reclaimMs * 1000,
      secretHash: sha256Hex(token),
      abandon: (sessionId) => abandon({ log, clock, newId }, sessionId),
    });
    return claimed && workOf(claimed, nowUs, secretOf(token));
  }

  async function change(
    environmentId: string,
    id: string,
    rule: (current: StoredWork) => StoredWork,
  ): Promise<StoredWork> {
    refuseMalformed(id);
    const changed = await workItems.change(environmentId, id, rule);
    if (changed) return changed;
    await requireQueue(environmentId);
    throw absent(id);
  }

  return {
    async list(environmentId, query) {
      await requireQueue(environmentId);
      const fetch = (window: PageQuery) => workItems.page(environmentId, window);
      const page = await pageOf(query, { limit: 20, order: 'desc' }, fetch);
      return { ...page, data: page.data.map(shown) };
    },
    async poll(environmentId, query, worker) {
      await requireQueue(environmentId);
      await note(environmentId, worker);
      const untilUs = clock.nowUs() + (query.block_ms ?? 0) * 1000;
      for (;;) {
        const work = await claim(environmentId, query.reclaim_older_than_ms ?? workReclaimMsDefault);
        const leftMs = (untilUs - clock.nowUs()) / 1000;
        if (work || leftMs <= 0) return work;
        await signals.wait(environmentId, Math.min(leftMs, otherProcessesMs));
      }
    },
    async stats(environmentId) {
      await requireQueue(environmentId);
      const nowUs = clock.nowUs();
      const waiting = await workItems.stats(environmentId, nowUs);
      const workers_polling = await workItems.countWorkers(environmentId, nowUs - workersSeenMs * 1000);
      return { type: 'work_queue_stats', ...waiting, workers_polling };
    },
    async retrieve(environmentId, id) {
      refuseMalformed(id);
      const stored = await workItems.get(environmentId, id);
      if (stored) return shown(stored);
      await requireQueue(environmentId);
      throw absent(id);
    },
    update: async (environmentId, id, { metadata }) =>
      shown(
        await change(environmentId, id, (current) => {
          const merged = mergeMetadata(current.metadata, metadata);
          return merged === current.metadata ? current : { ...current, metadata: merged };
        }),
      ),
    ack: async (environmentId, id) =>
      shown(await change(environmentId, id, (current) => acknowledge(current, clock.nowUs()))),
    async heartbeat(environmentId, id, query) {
      const wanted = {
        expected: query.expected_last_heartbeat ?? null,
        desiredTtlSeconds: query.desired_ttl_seconds ?? null,
      };
      return heartbeatOf(await change(environmentId, id, (current) => beat(current, wanted, clock.nowUs())));
    },
    stop: async (environmentId, id, body) =>
      shown(await change(environmentId, id, (current) => stop(current, body.force ?? false, clock.nowUs()))),
  };
}

/** What a worker left behind is settled before another gets to it. */
async function abandon(
  { log, clock, newId }: Pick<WorkDeps, 'log' | 'clock' | 'newId'>,
  sessionId: string,
): Promise<void> {
  try {
    await log.commit(sessionId, (state) => {
      const draft = draftOf(state, { nowUs: clock.nowUs(), newId });
      abandonCalls(draft);
      return { entries: draft.entries(), result: null };
    });
  } catch (cause) {
    // It was deleted meanwhile.
    if (!(cause instanceof Refusal && cause.code === 'not_found')) throw cause;
  }
}

/** Writes down who polls, now and then. */
function createNotes(workItems: WorkItems, clock: Clock) {
  const noted = new Map<string, number>();
  return async (environmentId: string, worker: string | null): Promise<void> => {
    const nowUs = clock.nowUs();
    const key = `${environmentId} ${worker}`;
    if (worker === null || nowUs - (noted.get(key) ?? 0) < notedEveryUs) return;
    // Names are the workers' own: nobody may fill the memory with them.
    if (noted.size >= workersNotedMax) noted.clear();
    noted.set(key, nowUs);
    await workItems.noteWorker(environmentId, worker, nowUs);
  };
}

/** What the worker finds the token in (spec/self-hosted-work.md, Credentials). */
function secretOf(token: string): string {
  return Buffer.from(JSON.stringify({ sessions_token: token })).toString('base64url');
}

function refuseMalformed(id: string): void {
  if (!/^work_[A-Za-z0-9]{1,123}$/.test(id)) throw invalid(`Invalid work ID: ${id}`);
}

function absent(id: string): Refusal {
  return new Refusal('not_found', `Work not found: ${id}`);
}
