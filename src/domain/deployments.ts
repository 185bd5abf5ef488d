import { formatUs } from '../base/timestamp.ts';
import type {
  AgentReference,
  Deployment,
  DeploymentCreate,
  DeploymentUpdate,
  ResourceConfig,
} from '../protocol/deployments.ts';
import type { EventParams } from '../protocol/event-params.ts';
import { invalid, Refusal } from '../protocol/refusal.ts';
import type { ScheduleParams } from '../protocol/schedules.ts';
import type { SessionBudget } from '../protocol/sessions.ts';
import { scheduledDeploymentsMax } from './limits.ts';
import { mergeMetadata } from './metadata.ts';
import type { CronSchedule, Occurrences } from './schedules.ts';
import { upcomingRuns } from './schedules.ts';
import { checkInitialEvents } from './session/creation.ts';
import { checkSystemMessages } from './session/system-messages.ts';

/** A deployment without what depends on the time of looking. `status` follows from `paused_reason`. */
export type DeploymentRecord = Omit<Deployment, 'schedule' | 'status'> & {
  readonly schedule: ScheduleInForce | null;
};

/** Times before `sinceUs`, when it was set or taken up again, are not made up for. */
export type ScheduleInForce = CronSchedule & { readonly sinceUs: number };

/** Tokens of repositories, sealed for their place, by the index of their resource. */
export type DeploymentTokens = Readonly<Record<string, string>>;

export type StoredDeployment = {
  readonly record: DeploymentRecord;
  readonly tokens: DeploymentTokens;
  /** When its schedule last started a session, microseconds. */
  readonly lastRunAtUs: number | null;
};

/** What a request names, looked up and checked. Absent: it does not name it. */
export type Resolved = {
  readonly agent?: AgentReference;
  readonly resources?: { readonly configs: ResourceConfig[]; readonly tokens: DeploymentTokens };
};

export function createDeployment(
  params: DeploymentCreate,
  { id, agent, resources }: Resolved & { readonly id: string; readonly agent: AgentReference },
  nowUs: number,
): StoredDeployment {
  const at = formatUs(nowUs);
  return {
    record: {
      id,
      type: 'deployment',
      name: params.name,
      description: params.description || null,
      agent,
      environment_id: params.environment_id,
      initial_events: eventsOf(params.initial_events),
      resources: resources?.configs ?? [],
      vault_ids: params.vault_ids ?? [],
      budget: params.budget ?? null,
      schedule: inForce(params.schedule ?? null, null, nowUs),
      metadata: params.metadata ?? {},
      paused_reason: null,
      created_at: at,
      updated_at: at,
      archived_at: null,
    },
    tokens: resources?.tokens ?? {},
    lastRunAtUs: null,
  };
}

/** Absent keeps; null clears what can be cleared. The same object when nothing changed. */
export function updateDeployment(
  current: StoredDeployment,
  params: DeploymentUpdate,
  { agent, resources, nowUs }: Resolved & { readonly nowUs: number },
): StoredDeployment {
  const { record } = current;
  refuseArchivedDeployment(record);
  const keep = <T>(sent: T | undefined, stored: T): T => (sent === undefined ? stored : sent);
  const changed: DeploymentRecord = {
    ...record,
    name: params.name ?? record.name,
    description: keep(params.description, record.description) || null,
    agent: agent ?? record.agent,
    environment_id: params.environment_id ?? record.environment_id,
    initial_events: params.initial_events ? eventsOf(params.initial_events) : record.initial_events,
    resources: resources?.configs ?? record.resources,
    vault_ids: keep(params.vault_ids, record.vault_ids) ?? [],
    budget: keep<SessionBudget | null>(params.budget, record.budget),
    schedule:
      params.schedule === undefined ? record.schedule : inForce(params.schedule, record.schedule, nowUs),
    metadata: { ...mergeMetadata(record.metadata, params.metadata) },
  };
  const tokens = resources?.tokens ?? current.tokens;
  // Two seals of one token differ, so a token that is sent again counts as another.
  const isSame =
    JSON.stringify(changed) === JSON.stringify(record) && same(Object.values(tokens), current.tokens);
  return isSame ? current : { ...current, record: { ...changed, updated_at: formatUs(nowUs) }, tokens };
}

function same(tokens: readonly string[], stored: DeploymentTokens): boolean {
  return tokens.join() === Object.values(stored).join();
}

/** Idempotent, whatever it was paused for. */
export function pauseDeployment(current: StoredDeployment, nowUs: number): StoredDeployment {
  refuseArchivedDeployment(current.record);
  if (current.record.paused_reason !== null) return current;
  return changedTo(current, { paused_reason: { type: 'manual' } }, nowUs);
}

/** The schedule goes on with the next time that it matches. */
export function unpauseDeployment(current: StoredDeployment, nowUs: number): StoredDeployment {
  const { record } = current;
  refuseArchivedDeployment(record);
  if (record.paused_reason === null) return current;
  const schedule = record.schedule && { ...record.schedule, sinceUs: nowUs };
  return changedTo(current, { paused_reason: null, schedule }, nowUs);
}

/** One-way and idempotent. Sessions that it started go on; its tokens are gone. */
export function archiveDeployment(current: StoredDeployment, nowUs: number): StoredDeployment {
  if (current.record.archived_at !== null) return current;
  const archived = changedTo(current, { paused_reason: null, archived_at: formatUs(nowUs) }, nowUs);
  return { ...archived, tokens: {} };
}

function changedTo(
  current: StoredDeployment,
  changes: Partial<DeploymentRecord>,
  nowUs: number,
): StoredDeployment {
  return { ...current, record: { ...current.record, ...changes, updated_at: formatUs(nowUs) } };
}

/** What the store sees beside a deployment that is about to be written. */
export type DeploymentScene = {
  /** `null`: there is no such agent. */
  readonly agent: { readonly isArchived: boolean } | null;
  /** Other deployments of the organization that have a schedule and are not archived. */
  readonly scheduledOthers: number;
};

/** Asked in the transaction that writes it, so nobody archives the agent in between. */
export function admitDeployment(
  { record }: StoredDeployment,
  { agent, scheduledOthers }: DeploymentScene,
): void {
  if (!agent) throw new Refusal('not_found', `Agent not found: ${record.agent.id}`);
  if (agent.isArchived) throw invalid(`Agent ${record.agent.id} is archived`);
  if (isScheduled(record) && scheduledOthers >= scheduledDeploymentsMax) {
    throw invalid(`schedule: at most ${scheduledDeploymentsMax} deployments can have a schedule`);
  }
}

export function isScheduled({ schedule, archived_at }: DeploymentRecord): boolean {
  return schedule !== null && archived_at === null;
}

/** The API's object. */
export function presentDeployment(
  { record, lastRunAtUs }: StoredDeployment,
  { nowUs, occurrences }: { readonly nowUs: number; readonly occurrences: Occurrences },
): Deployment {
  const { schedule, paused_reason, created_at, updated_at, archived_at, ...rest } = record;
  return {
    ...rest,
    schedule: schedule && {
      type: 'cron',
      expression: schedule.expression,
      timezone: schedule.timezone,
      last_run_at: lastRunAtUs === null ? null : formatUs(lastRunAtUs),
      upcoming_runs_at: startTimes(record, { nowUs, occurrences }).map(formatUs),
    },
    status: paused_reason === null ? 'active' : 'paused',
    paused_reason,
    created_at,
    updated_at,
    archived_at,
  };
}

function startTimes(
  record: DeploymentRecord,
  { nowUs, occurrences }: { readonly nowUs: number; readonly occurrences: Occurrences },
): number[] {
  const { id, schedule, archived_at, paused_reason } = record;
  if (schedule === null || archived_at !== null) return [];
  // Of a paused one: what would come if it were taken up now.
  const sinceUs = paused_reason === null ? schedule.sinceUs : nowUs;
  const runs = upcomingRuns({ schedule, deploymentId: id, occurrences }, { nowUs, sinceUs });
  return runs.map(({ startsAtUs }) => startsAtUs);
}

/** The same schedule sent again stays in force. */
function inForce(
  params: ScheduleParams | null,
  stored: ScheduleInForce | null,
  nowUs: number,
): ScheduleInForce | null {
  if (params === null) return null;
  const { expression, timezone } = params;
  if (stored?.expression === expression && stored.timezone === timezone) return stored;
  return { expression, timezone, sinceUs: nowUs };
}

/** What can be said about initial events without looking anything up (spec/deployments.md, Fields). */
export function checkDeploymentEvents(events: readonly EventParams[]): void {
  checkInitialEvents(events);
  checkSystemMessages(events, 'initial_events');
  if (events.every((event) => event.type === 'system.message')) {
    throw invalid('initial_events[0]: system.message must directly follow a user.message');
  }
}

type InitialEvents = Deployment['initial_events'];

/** As sent, but for optional fields that were not: they are left out. */
function eventsOf(events: DeploymentCreate['initial_events']): InitialEvents {
  // The two schemas differ in what may be undefined, which JSON has no way to say.
  return events as InitialEvents;
}

export function refuseArchivedDeployment({ id, archived_at }: DeploymentRecord): void {
  if (archived_at !== null) throw invalid(`Cannot modify archived deployment ${id}`);
}

export function absentDeployment(id: string): Refusal {
  return new Refusal('not_found', `Deployment not found: ${id}`);
}
