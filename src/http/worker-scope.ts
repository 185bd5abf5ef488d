import type { WorkItem } from '../domain/organization.ts';
import { Refusal } from '../protocol/refusal.ts';
import type { Route } from '../protocol/route.ts';
import type { RouteKey } from '../protocol/routes.ts';
import { routes } from '../protocol/routes.ts';
import type { Session } from '../protocol/sessions.ts';
import type { Caller } from './auth.ts';

type Wanted = { readonly route: Route; readonly params: Readonly<Record<string, string>> };
type SessionOf = (sessionId: string) => Promise<Session | null>;

/** What workers may call, by what they come with (spec/self-hosted-work.md, Credentials). */
const sessionCalls = callsOf([
  'beta.sessions retrieve',
  'beta.sessions.events list',
  'beta.sessions.events send',
  'beta.sessions.events stream',
  'skills.versions retrieve',
  'beta.skills.versions download',
]);
const queueCalls = callsOf([
  'beta.environments.work list',
  'beta.environments.work poll',
  'beta.environments.work stats',
]);
const leaseCalls = callsOf([
  'beta.environments.work ack',
  'beta.environments.work heartbeat',
  'beta.environments.work stop',
]);
const memoryCalls = callsOf([
  'beta.memoryStores.memories create',
  'beta.memoryStores.memories retrieve',
  'beta.memoryStores.memories update',
  'beta.memoryStores.memories list',
  'beta.memoryStores.memories delete',
]);
const openToApiKeys = callsOf(['beta.environments.work stats', 'beta.environments.work stop']);

/** Whether a call is refused to API keys. */
export function isForWorkersOnly(route: Route): boolean {
  const call = callOf(route);
  return (queueCalls.has(call) || leaseCalls.has(call)) && !openToApiKeys.has(call);
}

/** Refuses what a worker may not call, and what it may call for others only. */
export async function checkWorkerScope(
  { environmentId, item }: Caller,
  { route, params }: Wanted,
  sessionOf: SessionOf,
): Promise<void> {
  const call = callOf(route);
  const calls = item ? [leaseCalls, sessionCalls, memoryCalls] : [queueCalls, leaseCalls, sessionCalls];
  if (!calls.some((some) => some.has(call))) throw outOfScope(route);
  if (params['environment_id'] !== undefined && params['environment_id'] !== environmentId)
    throw foreign(environmentId);
  if (item) return await checkItem(item, { route, params }, sessionOf);
  const { session_id: sessionId } = params;
  if (sessionId === undefined) return;
  const session = await sessionOf(sessionId);
  // A session that is not there is nobody's, and its handler says so.
  if (session !== null && session.environment_id !== environmentId) throw foreign(environmentId);
}

async function checkItem(item: WorkItem, { route, params }: Wanted, sessionOf: SessionOf): Promise<void> {
  const call = callOf(route);
  if (item.isStopped && !leaseCalls.has(call))
    throw new Refusal('authentication', 'this sessions token ended with its work item');
  const isOther =
    (params['work_id'] ?? item.id) !== item.id || (params['session_id'] ?? item.sessionId) !== item.sessionId;
  if (isOther) throw new Refusal('permission', 'this sessions token is for another session');
  const { memory_store_id: storeId } = params;
  if (storeId === undefined) return;
  const session = await sessionOf(item.sessionId);
  const store = session?.resources.find(
    (resource) => resource.type === 'memory_store' && resource.memory_store_id === storeId,
  );
  if (store?.type !== 'memory_store')
    throw new Refusal('permission', `memory store ${storeId} is not attached to this session`);
  if (route.method !== 'GET' && store.access === 'read_only')
    throw new Refusal('permission', `memory store ${storeId} is attached read-only`);
}

function foreign(environmentId: string | null): Refusal {
  return new Refusal('permission', `this environment key is for environment ${environmentId} only`);
}

/** Workers come near these, with other credentials or other calls: 403. Elsewhere their key is no key at all: 401. */
function outOfScope({ path }: Route): Refusal {
  const isNear = /^\/v1\/(skills|memory_stores|environments)\b/.test(path);
  const code = isNear ? 'permission' : 'authentication';
  return new Refusal(code, 'an environment key cannot be used for this');
}

function callsOf(keys: readonly RouteKey[]): ReadonlySet<string> {
  return new Set(keys.map((key) => callOf(routes[key])));
}

function callOf({ method, path }: Pick<Route, 'method' | 'path'>): string {
  return `${method} ${path}`;
}
