import { assert, unreachable } from '../../base/assert.ts';
import { append, emptyChain } from '../../base/chain.ts';
import type { ResourceId } from '../../base/ids.ts';
import { formatUs, parseUs } from '../../base/timestamp.ts';
import type { SessionEvent } from '../../protocol/events.ts';
import type { SessionResource } from '../../protocol/session-resources.ts';
import { microCentsPerWebSearch } from '../limits.ts';
import { cleared, compactedConversation } from './compacted.ts';
import { overheadTokens, tokensOf } from './context-size.ts';
import type { Compaction, LogRecord, ReplyRecord, SessionBirth, SessionChanges } from './entry.ts';
import type { Call, ConversationItem, Round, SessionState } from './state.ts';
import { isForWorker } from './state.ts';

/** One step of the fold. `null` only before the `created` entry. Pure: the same log gives the same state. */
export function evolve(state: SessionState | null, record: LogRecord): SessionState {
  const { entry } = record;
  if (entry.kind === 'created') return born(entry.session, record.seq);
  assert(state !== null, 'a log begins with its created entry');
  assert(record.seq === state.seq + 1, `record ${record.seq} follows ${state.seq}`);
  const next = apply({ ...state, seq: record.seq }, record);
  return { ...next, wakeAtUs: wakeAtUs(next) };
}

function apply(state: SessionState, { entry }: LogRecord): SessionState {
  switch (entry.kind) {
    case 'created':
      return state;
    case 'configured':
      return configured(state, entry.changes);
    case 'attached':
      return withResources(state, [...state.resources, entry.resource], entry.atUs);
    case 'detached':
      return withResources(state, without(state.resources, entry.resourceId), entry.atUs);
    case 'renewed':
      return withResources(state, renewed(state.resources, entry), entry.atUs);
    case 'accepted':
      return accepted(state, entry.event);
    case 'consumed':
      return consumed(state, entry.eventId, entry.processedAt);
    case 'emitted':
      return entry.byProvider
        ? touched(state, entry.event)
        : emitted(touched(state, entry.event), entry.event);
    case 'replied':
      return replied(state, entry.reply);
    case 'cleared':
      return cleared(state, entry.items);
    case 'compacted':
      return compacted(state, entry.compaction);
    case 'overflowed':
      return { ...state, contextTokens: Number.MAX_SAFE_INTEGER };
    case 'started':
      return withCall(state, entry.toolUseId, (call) => ({ ...call, status: 'started' }));
    case 'delayed':
      return withRound(state, { retryAtUs: entry.untilUs });
    case 'archived':
      return { ...state, archivedAtUs: entry.atUs, updatedAtUs: entry.atUs, queue: [] };
    default:
      return unreachable(entry);
  }
}

const restingRound: Round = {
  openRequest: null,
  calls: [],
  owesReply: false,
  toolRounds: 0,
  attempts: 0,
  retryAtUs: null,
  compactions: 0,
};

function born(birth: SessionBirth, seq: number): SessionState {
  return {
    id: birth.id,
    seq,
    threadId: birth.threadId,
    environmentId: birth.environmentId,
    selfHosted: birth.selfHosted ?? false,
    vaultIds: birth.vaultIds ?? [],
    resources: birth.resources ?? [],
    deploymentId: birth.deploymentId ?? null,
    startErrors: birth.startErrors ?? [],
    agent: birth.agent,
    agentId: birth.agent.id,
    agentVersion: birth.agent.version,
    title: birth.title,
    metadata: birth.metadata,
    budget: birth.budget,
    createdAtUs: birth.createdAtUs,
    updatedAtUs: birth.createdAtUs,
    archivedAtUs: null,
    status: 'idle',
    threadStatus: 'idle',
    stopReason: null,
    lastAtUs: birth.createdAtUs,
    queue: [],
    round: restingRound,
    usage: {
      inputTokens: 0,
      outputTokens: 0,
      cacheReadInputTokens: 0,
      cacheCreation5mInputTokens: 0,
      cacheCreation1hInputTokens: 0,
      webSearches: 0,
      costMicroCents: 0,
      unpriced: false,
    },
    activity: { activeUs: 0, runningSinceUs: null, firstRunningAtUs: null, terminatedAtUs: null },
    wakeAtUs: null,
    conversation: emptyChain,
    contextTokens: overheadTokens(birth.agent),
  };
}

/** Running sessions are due since they run, so that who waits longest is served first; rescheduled ones at their retry time, or at once for an interrupt. */
function wakeAtUs({ status, activity, queue, round }: SessionState): number | null {
  if (status === 'running') return activity.runningSinceUs ?? 0;
  if (status !== 'rescheduling') return null;
  return queue.some((event) => event.type === 'user.interrupt') ? 0 : (round.retryAtUs ?? 0);
}

function configured(state: SessionState, changes: SessionChanges): SessionState {
  return {
    ...state,
    title: changes.title === undefined ? state.title : changes.title,
    metadata: changes.metadata ?? state.metadata,
    agent: changes.agent ?? state.agent,
    budget: changes.budget === undefined ? state.budget : changes.budget,
  };
}

type Resources = SessionState['resources'];

function withResources(state: SessionState, resources: Resources, atUs: number): SessionState {
  return { ...state, resources, updatedAtUs: Math.max(state.updatedAtUs, atUs) };
}

function without(resources: Resources, id: ResourceId): Resources {
  return resources.filter((resource) => !hasId(resource, id));
}

type Renewal = { readonly resourceId: ResourceId; readonly atUs: number };

function renewed(resources: Resources, { resourceId, atUs }: Renewal): Resources {
  return resources.map((resource) =>
    hasId(resource, resourceId) ? { ...resource, updated_at: formatUs(atUs) } : resource,
  );
}

function hasId(resource: SessionResource, id: ResourceId): boolean {
  return 'id' in resource && resource.id === id;
}

function accepted(state: SessionState, event: SessionEvent): SessionState {
  if (event.processed_at == null) return { ...state, queue: [...state.queue, event] };
  return processed(touched(state, event), event);
}

function consumed(state: SessionState, eventId: string, processedAt: string): SessionState {
  const event = state.queue.find((queued) => queued.id === eventId);
  assert(event, `consumed event ${eventId} is queued`);
  const rest = { ...state, queue: state.queue.filter((queued) => queued !== event) };
  return processed(touched(rest, { processed_at: processedAt }), event);
}

/** What a client's event does to the turn once it is consumed. */
function processed(state: SessionState, event: SessionEvent): SessionState {
  switch (event.type) {
    case 'user.message': {
      const content = event.content.filter((block) => block.type !== 'redacted');
      return withRound(spoken(state, { type: 'user', content }), { owesReply: true });
    }
    case 'system.message':
      return spoken(state, { type: 'system', content: event.content });
    case 'user.tool_confirmation':
      return withCall(state, event.tool_use_id, (call) =>
        event.result === 'allow'
          ? { ...call, status: permitted(state, call) }
          : { ...call, status: 'denied', denial: rejection(call.name, event.deny_message ?? null) },
      );
    case 'user.tool_result':
      return answered(state, event.tool_use_id, event.content ?? [], event.is_error ?? false);
    case 'user.custom_tool_result':
      return answered(state, event.custom_tool_use_id, event.content ?? [], event.is_error ?? false);
    default:
      return state;
  }
}

function rejection(tool: string, reason: string | null): string {
  const said = reason === null || reason === '' ? '' : ` Rejection message: ${reason}`;
  return `Permission to use ${tool} has been rejected.${said}`;
}

/** Stamps grow; `updated_at` follows every visible event. */
function touched(state: SessionState, event: { processed_at?: string | null | undefined }): SessionState {
  const atUs = event.processed_at == null ? null : parseUs(event.processed_at);
  assert(atUs !== null, 'a processed event carries its time');
  return {
    ...state,
    lastAtUs: Math.max(state.lastAtUs, atUs),
    updatedAtUs: Math.max(state.updatedAtUs, atUs),
  };
}

function emitted(state: SessionState, event: SessionEvent): SessionState {
  switch (event.type) {
    case 'session.status_running':
      return running(state);
    case 'session.status_idle':
      return stopped({ ...state, status: 'idle', stopReason: event.stop_reason });
    case 'session.status_rescheduled':
      return stopped({ ...state, status: 'rescheduling' });
    case 'session.status_terminated':
      return terminated(state);
    case 'session.thread_status_running':
      return { ...state, threadStatus: 'running' };
    case 'session.thread_status_idle':
      return resting({ ...state, threadStatus: 'idle' }, event.stop_reason.type);
    case 'session.thread_status_rescheduled':
      return withRound({ ...state, threadStatus: 'rescheduling' }, { attempts: state.round.attempts + 1 });
    case 'session.thread_status_terminated':
      return { ...state, threadStatus: 'terminated' };
    case 'span.model_request_start':
      return withRound(state, { openRequest: event.id, calls: [], retryAtUs: null });
    case 'span.model_request_end':
      return withRound(state, { openRequest: null });
    case 'agent.tool_result':
    // Of a call that a worker can no longer answer.
    case 'user.tool_result':
      return answered(state, event.tool_use_id, event.content ?? [], event.is_error ?? false);
    case 'agent.mcp_tool_result':
      return answered(state, event.mcp_tool_use_id, event.content ?? [], event.is_error ?? false);
    case 'agent.tool_use':
      return called(state, { ...event, kind: 'builtin', permission: event.evaluated_permission ?? 'deny' });
    case 'agent.mcp_tool_use': {
      const permission = event.evaluated_permission ?? 'deny';
      return called(state, { ...event, kind: 'mcp', server: event.mcp_server_name, permission });
    }
    case 'agent.custom_tool_use':
      return called(state, { ...event, kind: 'custom', permission: 'ask' });
    default:
      return state;
  }
}

function running(state: SessionState): SessionState {
  const { activity } = state;
  return {
    ...state,
    status: 'running',
    stopReason: null,
    activity: {
      ...activity,
      runningSinceUs: activity.runningSinceUs ?? state.lastAtUs,
      firstRunningAtUs: activity.firstRunningAtUs ?? state.lastAtUs,
    },
  };
}

function stopped(state: SessionState): SessionState {
  const { activity } = state;
  if (activity.runningSinceUs === null) return state;
  const activeUs = activity.activeUs + (state.lastAtUs - activity.runningSinceUs);
  return { ...state, activity: { ...activity, activeUs, runningSinceUs: null } };
}

function terminated(state: SessionState): SessionState {
  const ended = stopped({ ...state, status: 'terminated', queue: [], round: restingRound });
  return { ...ended, activity: { ...ended.activity, terminatedAtUs: state.lastAtUs } };
}

/** Between turns only what a client still owes survives. */
function resting(state: SessionState, reason: string): SessionState {
  if (reason === 'requires_action') return state;
  if (reason === 'budget_reached') return withRound(state, { attempts: 0, retryAtUs: null });
  return { ...state, round: restingRound };
}

type ToolUse = {
  readonly id: string;
  readonly kind: Call['kind'];
  readonly server?: string;
  readonly name: string;
  readonly input: Readonly<Record<string, unknown>>;
  readonly permission: 'allow' | 'ask' | 'deny';
  /** Absent: refused before any policy applied, the tool is unknown or disabled (spec/tools.md). */
  readonly evaluation?: unknown;
};

const statusOfRefused = { ask: 'waiting', deny: 'denied' } as const;

/** Who runs a call that may run. */
function permitted(state: SessionState, call: Pick<Call, 'kind' | 'name'>): 'assigned' | 'ready' {
  return isForWorker(state, call) ? 'assigned' : 'ready';
}

function called(state: SessionState, use: ToolUse): SessionState {
  const call: Call = {
    eventId: use.id,
    modelToolUseId: '',
    kind: use.kind,
    server: use.server ?? null,
    name: use.name,
    input: use.input,
    status: use.permission === 'allow' ? permitted(state, use) : statusOfRefused[use.permission],
    denial: use.permission === 'deny' ? denial(use) : null,
  };
  return withRound(state, { calls: [...state.round.calls, call] });
}

function denial(use: ToolUse): string {
  if (use.evaluation === undefined) return `The tool ${use.name} is not available.`;
  return `Permission to use ${use.name} has been denied.`;
}

function replied(state: SessionState, reply: ReplyRecord): SessionState {
  const records = new Map(reply.calls.map((call) => [call.eventId, call]));
  const calls = state.round.calls.map((call): Call => {
    const record = records.get(call.eventId);
    if (!record) return call;
    const known = { ...call, modelToolUseId: record.modelToolUseId };
    if (!record.malformed) return known;
    return {
      ...known,
      status: 'denied',
      denial: `The input of ${call.name} was not valid JSON. Please retry.`,
    };
  });
  // A refused reply is not something the model should continue from.
  const kept = reply.content.length > 0 && reply.stopReason !== 'refusal';
  const said = kept
    ? spoken(state, { type: 'assistant', content: reply.content, model: reply.servedBy })
    : state;
  const goesOn = calls.length > 0 || reply.stopReason === 'pause_turn';
  return withRound(measured(metered(said, reply), reply), {
    calls,
    owesReply: goesOn,
    toolRounds: state.round.toolRounds + (goesOn ? 1 : 0),
    attempts: 0,
    compactions: 0,
  });
}

/** The provider counted the prompt; what it answered comes on top. */
function measured(state: SessionState, { usage, content }: ReplyRecord): SessionState {
  const prompt =
    usage.inputTokens +
    usage.cacheReadInputTokens +
    usage.cacheCreation5mInputTokens +
    usage.cacheCreation1hInputTokens;
  const reply = tokensOf({ type: 'assistant', content, model: '' });
  return { ...state, contextTokens: prompt + reply };
}

function metered(state: SessionState, reply: Pick<ReplyRecord, 'usage' | 'costMicroCents'>): SessionState {
  const { usage } = state;
  return {
    ...state,
    usage: {
      inputTokens: usage.inputTokens + reply.usage.inputTokens,
      outputTokens: usage.outputTokens + reply.usage.outputTokens,
      cacheReadInputTokens: usage.cacheReadInputTokens + reply.usage.cacheReadInputTokens,
      cacheCreation5mInputTokens: usage.cacheCreation5mInputTokens + reply.usage.cacheCreation5mInputTokens,
      cacheCreation1hInputTokens: usage.cacheCreation1hInputTokens + reply.usage.cacheCreation1hInputTokens,
      webSearches: (usage.webSearches ?? 0) + (reply.usage.webSearches ?? 0),
      costMicroCents: usage.costMicroCents + (reply.costMicroCents ?? 0),
      unpriced: usage.unpriced || reply.costMicroCents === null,
    },
  };
}

function compacted(state: SessionState, compaction: Compaction): SessionState {
  return withRound(metered(compactedConversation(state, compaction), compaction), {
    attempts: 0,
    retryAtUs: null,
    compactions: state.round.compactions + 1,
  });
}

function answered(
  state: SessionState,
  toolUseId: string,
  content: (ConversationItem & { type: 'result' })['content'],
  isError: boolean,
): SessionState {
  const call = state.round.calls.find((candidate) => candidate.eventId === toolUseId);
  assert(call, `result for ${toolUseId} answers a call of this round`);
  const item: ConversationItem = { type: 'result', modelToolUseId: call.modelToolUseId, content, isError };
  const told = withCall(spoken(state, item), toolUseId, (current) => ({ ...current, status: 'done' }));
  return call.kind === 'builtin' && call.name === 'web_search' && !isError ? searched(told) : told;
}

/** A search of the server's own, at list price (spec/limits.md, Price model). */
function searched(state: SessionState): SessionState {
  const { usage } = state;
  const costMicroCents = usage.costMicroCents + microCentsPerWebSearch;
  return { ...state, usage: { ...usage, webSearches: (usage.webSearches ?? 0) + 1, costMicroCents } };
}

function spoken(state: SessionState, item: ConversationItem): SessionState {
  return {
    ...state,
    conversation: append(state.conversation, item),
    contextTokens: Math.min(Number.MAX_SAFE_INTEGER, state.contextTokens + tokensOf(item)),
  };
}

function withRound(state: SessionState, change: Partial<Round>): SessionState {
  return { ...state, round: { ...state.round, ...change } };
}

function withCall(state: SessionState, eventId: string, change: (call: Call) => Call): SessionState {
  const calls = state.round.calls.map((call) => (call.eventId === eventId ? change(call) : call));
  return withRound(state, { calls });
}
