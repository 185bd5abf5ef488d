import { formatUs } from '../../base/timestamp.ts';
import type { Session, UsageSnapshot } from '../../protocol/sessions.ts';
import type { Thread } from '../../protocol/threads.ts';
import { microCentsPerActiveHour } from '../limits.ts';
import { centsOf } from '../prices.ts';
import type { Activity, SessionState } from './state.ts';

/** The API's session object as of `nowUs`. */
export function summarize(state: SessionState, nowUs: number): Session {
  return presentSession(summaryOf(state), nowUs);
}

/** A session object that does not depend on the time of looking: what the session row caches. */
export type SessionSummary = {
  readonly session: Omit<Session, 'stats' | 'usage'>;
  readonly usage: SessionState['usage'];
  readonly activity: Activity;
  readonly createdAtUs: number;
};

export function summaryOf(state: SessionState): SessionSummary {
  return {
    session: {
      id: state.id,
      type: 'session',
      status: state.status,
      agent: state.agent,
      environment_id: state.environmentId,
      title: state.title,
      metadata: state.metadata,
      budget: state.budget,
      resources: [...state.resources],
      vault_ids: [...state.vaultIds],
      outcome_evaluations: [],
      deployment_id: state.deploymentId,
      created_at: formatUs(state.createdAtUs),
      updated_at: formatUs(state.updatedAtUs),
      archived_at: state.archivedAtUs === null ? null : formatUs(state.archivedAtUs),
    },
    usage: state.usage,
    activity: state.activity,
    createdAtUs: state.createdAtUs,
  };
}

export function presentSession(summary: SessionSummary, nowUs: number): Session {
  return {
    ...summary.session,
    stats: {
      active_seconds: activeSeconds(summary.activity, nowUs),
      duration_seconds: seconds((summary.activity.terminatedAtUs ?? nowUs) - summary.createdAtUs),
    },
    usage: usageSnapshot(summary, nowUs),
  };
}

/** The usage of a session up to `nowUs`, as `session.usage` and the session object show it. */
export function usageSnapshot(
  from: { readonly usage: SessionState['usage']; readonly activity: Activity },
  nowUs: number,
): UsageSnapshot {
  const { usage } = from;
  const active = activeSeconds(from.activity, nowUs);
  return {
    input_tokens: usage.inputTokens,
    output_tokens: usage.outputTokens,
    cache_read_input_tokens: usage.cacheReadInputTokens,
    cache_creation: {
      ephemeral_5m_input_tokens: usage.cacheCreation5mInputTokens,
      ephemeral_1h_input_tokens: usage.cacheCreation1hInputTokens,
    },
    list_cost: { amount: String(centsOf(totalMicroCents(from, nowUs))), currency: 'USD' },
    active_seconds: active,
    // Fetches cost nothing and are not counted (spec/sessions.md, Response object).
    server_tool_use: { web_search_requests: usage.webSearches ?? 0, web_fetch_requests: 0 },
  };
}

/** Tokens at list price plus active time, integer micro-cents. */
export function totalMicroCents(
  from: { readonly usage: SessionState['usage']; readonly activity: Activity },
  nowUs: number,
): number {
  const runtime = Math.round((activeUs(from.activity, nowUs) * microCentsPerActiveHour) / 3_600_000_000);
  return from.usage.costMicroCents + runtime;
}

/** The primary thread as the API shows it. `stats` and `usage` stay null until it first ran. */
export function summarizeThread(state: SessionState, nowUs: number): Thread {
  const { multiagent: _roster, ...agent } = state.agent;
  const ran = state.activity.firstRunningAtUs !== null;
  const active = activeSeconds(state.activity, nowUs);
  return {
    id: state.threadId,
    type: 'session_thread',
    session_id: state.id,
    parent_thread_id: null,
    workflow_run_id: null,
    agent,
    status: state.status,
    created_at: formatUs(state.createdAtUs),
    updated_at: formatUs(state.updatedAtUs),
    archived_at: state.archivedAtUs === null ? null : formatUs(state.archivedAtUs),
    stats: ran
      ? {
          active_seconds: active,
          duration_seconds: seconds((state.activity.terminatedAtUs ?? nowUs) - state.createdAtUs),
          startup_seconds: seconds((state.activity.firstRunningAtUs ?? 0) - state.createdAtUs),
        }
      : null,
    usage: ran ? threadUsage(state, nowUs) : null,
  };
}

/** Per-thread list cost excludes the runtime cost (spec/sessions.md, Budgets). */
function threadUsage(state: SessionState, nowUs: number): UsageSnapshot {
  const amount = String(centsOf(state.usage.costMicroCents));
  return { ...usageSnapshot(state, nowUs), list_cost: { amount, currency: 'USD' } };
}

function activeUs(activity: Activity, nowUs: number): number {
  return activity.activeUs + (activity.runningSinceUs === null ? 0 : nowUs - activity.runningSinceUs);
}

function activeSeconds(activity: Activity, nowUs: number): number {
  return seconds(activeUs(activity, nowUs));
}

function seconds(us: number): number {
  return Math.max(0, Math.round(us / 1000) / 1000);
}
