import type { Clock } from '../base/clock.ts';
import type { NewId, SessionId } from '../base/ids.ts';
import { checkTools, resolveTools } from '../domain/agent-tools.ts';
import type { ModelCatalog } from '../domain/catalog.ts';
import type { Collections } from '../domain/collections.ts';
import { unreachableCredentials } from '../domain/credential-reach.ts';
import { egressPolicy } from '../domain/egress-policy.ts';
import { mergeMetadata } from '../domain/metadata.ts';
import type { Seal } from '../domain/sealing.ts';
import {
  checkInitialEvents,
  checkMcpHosts,
  checkPriced,
  checkWebDomains,
} from '../domain/session/creation.ts';
import type { Draft } from '../domain/session/draft.ts';
import { draftOf } from '../domain/session/draft.ts';
import type { RequestedChanges } from '../domain/session/lifecycle.ts';
import { archiveSession, createSession, deleteSession, updateSession } from '../domain/session/lifecycle.ts';
import type { SessionLog } from '../domain/session/session-log.ts';
import type { SessionState } from '../domain/session/state.ts';
import { summarize } from '../domain/session/summarize.ts';
import { checkSystemModel } from '../domain/session/system-messages.ts';
import type { DeploymentRun } from '../protocol/deployment-runs.ts';
import type { Environment } from '../protocol/environments.ts';
import type { EventParams } from '../protocol/event-params.ts';
import { invalid, Refusal } from '../protocol/refusal.ts';
import type { QueryOf } from '../protocol/routes.ts';
import type { SessionErrorObject } from '../protocol/session-errors.ts';
import type { Session, SessionAgent, SessionCreate, SessionUpdate } from '../protocol/sessions.ts';
import { usableEnvironment } from './environments.ts';
import { checkFileBlocks } from './file-blocks.ts';
import type { PageBothWays } from './page.ts';
import { pageBothWays } from './page.ts';
import { prepareResources } from './prepare-resources.ts';
import { snapshotAgent } from './session-agent.ts';
import { activeCredentials, requireUsableVaults } from './vaults.ts';

export type SessionDeps = {
  readonly log: SessionLog;
  readonly collections: Pick<
    Collections,
    | 'agents'
    | 'credentials'
    | 'environments'
    | 'files'
    | 'memoryStores'
    | 'sessions'
    | 'skillVersions'
    | 'vaults'
  >;
  readonly catalog: ModelCatalog;
  readonly seal: Seal;
  /** What `allow_package_managers` opens. */
  readonly packageHosts: readonly string[];
  /** Besides github.com. */
  readonly repositoryHosts: readonly string[];
  readonly clock: Clock;
  readonly newId: NewId;
};

/** What a session is made of; deployments may begin theirs with more kinds of events. */
export type NewSession = Omit<SessionCreate, 'initial_events'> & {
  readonly initial_events?: readonly EventParams[] | null | undefined;
};

/** The deployment that starts a session, and the record of that, which is kept along with the session. */
export type SessionOrigin = {
  readonly deploymentId: string;
  readonly runOf: (sessionId: SessionId) => DeploymentRun;
};

export type SessionCommands = {
  create(body: SessionCreate): Promise<Session>;
  retrieve(id: string): Promise<Session>;
  update(id: string, body: SessionUpdate): Promise<Session>;
  list(query: QueryOf<'beta.sessions list'>): Promise<PageBothWays<Session>>;
  archive(id: string): Promise<Session>;
  delete(id: string): Promise<{ id: string; type: 'session_deleted' }>;
};

export function createSessionCommands(deps: SessionDeps): SessionCommands {
  const { log, collections, clock, newId } = deps;

  /** One decision on a session that exists; resolves with the session as it is afterwards. */
  function change(id: string, rule: (draft: Draft) => void): Promise<Session> {
    return log.commit(id, (state) => {
      const draft = draftOf(state, { nowUs: clock.nowUs(), newId });
      rule(draft);
      return { entries: draft.entries(), result: summarize(draft.state(), clock.nowUs()) };
    });
  }

  /** `null` when it was deleted in spite of its sessions. */
  async function environmentOf(id: string): Promise<Environment | null> {
    const session = await collections.sessions.get(id, clock.nowUs());
    return session && (await collections.environments.get(session.environment_id));
  }

  return {
    async create(body) {
      const state = await startSession(deps, body);
      return summarize(state, clock.nowUs());
    },
    async retrieve(id) {
      const session = await collections.sessions.get(id, clock.nowUs());
      if (!session) throw absentSession(id);
      return session;
    },
    async update(id, body) {
      if (body.vault_ids !== undefined) throw invalid('vault_ids cannot be changed on an existing session');
      const { tools, mcp_servers } = body.agent ?? {};
      const environment = tools || mcp_servers ? await environmentOf(id) : null;
      return await change(id, (draft) => {
        const changes = requestedChanges(draft.state(), body);
        if (environment && changes.agent && mcp_servers) checkMcpHosts(changes.agent, environment);
        if (environment && changes.agent && tools) checkWebDomains(changes.agent, environment);
        updateSession(draft, changes);
      });
    },
    list: (query) =>
      pageBothWays(query, { limit: 20, order: 'desc' }, (page) =>
        collections.sessions.page(
          {
            ...page,
            includeArchived: query.include_archived ?? false,
            agentId: query.agent_id ?? null,
            agentVersion: query.agent_version ?? null,
            statuses: query.statuses ?? null,
            deploymentId: query.deployment_id ?? null,
            memoryStoreId: query.memory_store_id ?? null,
          },
          clock.nowUs(),
        ),
      ),
    archive: (id) => change(id, archiveSession),
    async delete(id) {
      await removeSession(deps, id);
      return { id, type: 'session_deleted' };
    },
  };
}

/** Refuses while it runs, and when it is not there (any more). */
export async function removeSession(
  { log, clock, newId }: Pick<SessionDeps, 'log' | 'clock' | 'newId'>,
  id: string,
): Promise<void> {
  await log.remove(id, (state) => {
    const draft = draftOf(state, { nowUs: clock.nowUs(), newId });
    deleteSession(draft);
    return { entries: draft.entries(), result: null };
  });
}

/** Everything is checked before anything is written: a refused create leaves nothing behind. */
export async function startSession(
  deps: SessionDeps,
  body: NewSession,
  origin?: SessionOrigin,
): Promise<SessionState> {
  const initialEvents = body.initial_events ?? [];
  checkInitialEvents(initialEvents);
  const { files } = deps.collections;
  await checkFileBlocks({ files, nowUs: deps.clock.nowUs() }, initialEvents, 'initial_events');
  const agent = await snapshotAgent({ ...deps.collections, catalog: deps.catalog }, body.agent);
  checkSystemModel({ agent }, initialEvents, deps.catalog, 'initial_events');
  const environment = await usableEnvironment(deps.collections.environments, body.environment_id);
  checkMcpHosts(agent, environment);
  checkWebDomains(agent, environment);
  if (body.budget) checkPriced(agent, deps.catalog);
  const vaultIds = body.vault_ids ?? [];
  await requireUsableVaults(deps.collections.vaults, vaultIds);
  const startErrors = await errorsAtStart(deps, { environment, agent, vaultIds });
  const nowUs = deps.clock.nowUs();
  const id = deps.newId('sesn');
  const { resources, beside } = await prepareResources(deps, body.resources ?? [], {
    environment: environment.config.type,
    tools: agent.tools,
    repositoryHosts: deps.repositoryHosts,
    id,
    nowUs,
  });
  const birth = {
    id,
    threadId: deps.newId('sthr'),
    environmentId: environment.id,
    ...(environment.config.type === 'self_hosted' ? { selfHosted: true as const } : {}),
    vaultIds,
    resources,
    ...(origin && { deploymentId: origin.deploymentId }),
    ...(startErrors.length > 0 && { startErrors }),
    agent,
    title: body.title ?? null,
    metadata: body.metadata ?? {},
    budget: body.budget ?? null,
    createdAtUs: nowUs,
  };
  const entries = createSession(birth, initialEvents, { nowUs, newId: deps.newId });
  return await deps.log.create(entries, { ...beside, ...(origin && { run: origin.runOf(id) }) });
}

type Beginning = {
  readonly environment: Environment;
  readonly agent: SessionAgent;
  readonly vaultIds: readonly string[];
};

/** Workers have no variables of vaults: nothing can be wrong with them. */
async function errorsAtStart(
  deps: SessionDeps,
  { environment: { config }, agent, vaultIds }: Beginning,
): Promise<readonly SessionErrorObject[]> {
  if (config.type === 'self_hosted') return [];
  const credentials = await activeCredentials(deps.collections.credentials, vaultIds);
  return unreachableCredentials(credentials, egressPolicy(config, agent, deps));
}

function requestedChanges(state: SessionState, body: SessionUpdate): RequestedChanges {
  const agent = body.agent && updatedAgent(state.agent, body.agent);
  return {
    ...(body.title === undefined ? {} : { title: body.title }),
    ...(body.metadata ? { metadata: mergeMetadata(state.metadata, body.metadata) } : {}),
    ...(body.budget === undefined ? {} : { budget: body.budget }),
    ...(agent ? { agent } : {}),
  };
}

/** `tools` and `mcp_servers` are each replaced as a whole; null counts as `[]`. Checked like an agent's. */
function updatedAgent(agent: SessionAgent, sent: NonNullable<SessionUpdate['agent']>): SessionAgent {
  const updated: SessionAgent = {
    ...agent,
    tools: sent.tools === undefined ? agent.tools : resolveTools(sent.tools ?? []),
    mcp_servers: sent.mcp_servers === undefined ? agent.mcp_servers : (sent.mcp_servers ?? []),
  };
  checkTools(updated);
  return updated;
}

export function absentSession(id: string): Refusal {
  return new Refusal('not_found', `Session not found: ${id}`);
}
