import { unreachable } from '../base/assert.ts';
import { formatUs } from '../base/timestamp.ts';
import type { UsageBucket, UsageRow } from '../protocol/usage-report.ts';
import { microCentsPerActiveHour, microCentsPerWebSearch } from './limits.ts';
import type { Entry, LogRecord, ReplyRecord } from './session/entry.ts';
import type { SessionState } from './session/state.ts';

/** The usage of one hour, workspace and model is kept as one sum; the hour is the finest a report can show. */
export const hourUs = 3_600_000_000;

type Counts = {
  readonly requests: number;
  readonly unpricedRequests: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly cacheReadInputTokens: number;
  readonly cacheCreation5mInputTokens: number;
  readonly cacheCreation1hInputTokens: number;
  /** Tokens at list price. */
  readonly costMicroCents: number;
  readonly activeUs: number;
};

/** What a commit adds to the sum of one hour and model. */
export type UsageIncrement = Counts & { readonly hourUs: number; readonly model: string };

const nothing: Counts = {
  requests: 0,
  unpricedRequests: 0,
  inputTokens: 0,
  outputTokens: 0,
  cacheReadInputTokens: 0,
  cacheCreation5mInputTokens: 0,
  cacheCreation1hInputTokens: 0,
  costMicroCents: 0,
  activeUs: 0,
};

function sum(one: Counts, other: Counts): Counts {
  const names = Object.keys(nothing) as (keyof Counts)[];
  return Object.fromEntries(names.map((name) => [name, one[name] + other[name]])) as Counts;
}

/**
 * What records add to the usage of a session's workspace, once for each model: replies under the model that served them, and the
 * time of a run that ended and the server's searches under the model of the session's agent. Summed over all commits it is what the
 * session shows.
 */
export function usageIncrements(
  before: SessionState,
  records: readonly LogRecord[],
  after: SessionState,
): readonly UsageIncrement[] {
  const sums = new Map<string, Counts>();
  const add = (model: string, counts: Partial<Counts>) =>
    sums.set(model, sum(sums.get(model) ?? nothing, { ...nothing, ...counts }));
  for (const { entry } of records) {
    const metered = meteredOf(entry);
    if (metered === null) continue;
    const { usage, servedBy, costMicroCents } = metered;
    const { speed: _, webSearches: _searches, ...tokens } = usage;
    const unpricedRequests = costMicroCents === null ? 1 : 0;
    add(servedBy, { ...tokens, requests: 1, unpricedRequests, costMicroCents: costMicroCents ?? 0 });
  }
  const activeUs = after.activity.activeUs - before.activity.activeUs;
  const costMicroCents = ownSearches(before, records, after) * microCentsPerWebSearch;
  if (activeUs !== 0 || costMicroCents !== 0) add(after.agent.model.id, { activeUs, costMicroCents });
  const hour = after.lastAtUs - (after.lastAtUs % hourUs);
  return [...sums].map(([model, counts]) => ({ ...counts, hourUs: hour, model }));
}

/** Searches of the web that the server made itself; those of a provider are in the cost of its replies. */
function ownSearches(before: SessionState, records: readonly LogRecord[], after: SessionState): number {
  const all = (after.usage.webSearches ?? 0) - (before.usage.webSearches ?? 0);
  const providers = records.map(({ entry }) => meteredOf(entry)?.usage.webSearches ?? 0);
  return providers.reduce((left, count) => left - count, all);
}

/** What a model was asked for, as an entry records it. Each kind that the fold adds to a session's usage is here. */
function meteredOf(entry: Entry): Pick<ReplyRecord, 'usage' | 'servedBy' | 'costMicroCents'> | null {
  switch (entry.kind) {
    case 'replied':
      return entry.reply;
    case 'compacted':
      return entry.compaction;
    case 'created':
    case 'configured':
    case 'attached':
    case 'detached':
    case 'renewed':
    case 'accepted':
    case 'consumed':
    case 'emitted':
    case 'cleared':
    case 'overflowed':
    case 'started':
    case 'delayed':
    case 'archived':
      return null;
    default:
      return unreachable(entry);
  }
}

export type UsageQuery = {
  /** Inclusive and exclusive, both at the edge of a bucket. */
  readonly fromUs: number;
  readonly untilUs: number;
  readonly widthUs: number;
  readonly byWorkspace: boolean;
  readonly byModel: boolean;
  readonly workspaceIds: readonly string[] | null;
  readonly models: readonly string[] | null;
};

/** The sum of one bucket, by workspace and model where the query asks for it. */
export type UsageTotal = Counts & {
  readonly bucketUs: number;
  readonly workspaceId: string | null;
  readonly model: string | null;
};

/** Every bucket of the range, those without usage too. */
export function bucketsOf(
  { fromUs, untilUs, widthUs }: UsageQuery,
  totals: readonly UsageTotal[],
): UsageBucket[] {
  const byBucket = Map.groupBy(totals, ({ bucketUs }) => bucketUs);
  const buckets: UsageBucket[] = [];
  for (let atUs = fromUs; atUs < untilUs; atUs += widthUs) {
    buckets.push({
      starting_at: formatUs(atUs),
      ending_at: formatUs(atUs + widthUs),
      results: (byBucket.get(atUs) ?? []).map(rowOf),
    });
  }
  return buckets;
}

function rowOf(total: UsageTotal): UsageRow {
  const runtime = Math.round((total.activeUs * microCentsPerActiveHour) / hourUs);
  return {
    workspace_id: total.workspaceId,
    model: total.model,
    uncached_input_tokens: total.inputTokens,
    cache_creation: {
      ephemeral_1h_input_tokens: total.cacheCreation1hInputTokens,
      ephemeral_5m_input_tokens: total.cacheCreation5mInputTokens,
    },
    cache_read_input_tokens: total.cacheReadInputTokens,
    output_tokens: total.outputTokens,
    requests: total.requests,
    active_seconds: Math.round(total.activeUs / 1000) / 1000,
    list_cost: { amount: centsText(total.costMicroCents + runtime), currency: 'USD' },
    unpriced_requests: total.unpricedRequests,
  };
}

const microCentsPerCent = 1_000_000;

/** Exact: micro-cents as cents with a fraction. */
function centsText(microCents: number): string {
  const fraction = String(microCents % microCentsPerCent)
    .padStart(6, '0')
    .replace(/0+$/, '');
  const cents = Math.floor(microCents / microCentsPerCent);
  return fraction === '' ? String(cents) : `${cents}.${fraction}`;
}
