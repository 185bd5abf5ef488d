import { randomBytes, randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { systemClock } from '../base/clock.ts';
import { newId } from '../base/ids.ts';
import type { Log } from '../base/log.ts';
import { breakDown } from '../brain/break-down.ts';
import { judgeChoice } from '../brain/judge.ts';
import { createRoutingModel, windowOf } from '../brain/models/routing-model.ts';
import { createScriptedEndpoint } from '../brain/models/scripted/endpoint.ts';
import { startTurn } from '../brain/turn.ts';
import { createAgentCommands } from '../control/agents.ts';
import { createCredentialCommands } from '../control/credentials.ts';
import type { DeploymentRunDeps } from '../control/deployment-runs.ts';
import { createDeploymentRunCommands } from '../control/deployment-runs.ts';
import type { DeploymentDeps } from '../control/deployments.ts';
import { createDeploymentCommands } from '../control/deployments.ts';
import { createEnvironmentCommands } from '../control/environments.ts';
import { createFileCommands } from '../control/files.ts';
import { createMemoryCommands } from '../control/memories.ts';
import { createMemoryStoreCommands } from '../control/memory-stores.ts';
import { createMemoryVersionCommands } from '../control/memory-versions.ts';
import { createModelCommands } from '../control/models.ts';
import { createSessionResourceCommands } from '../control/session-resources.ts';
import { createSessionCommands } from '../control/sessions.ts';
import type { UploadReader } from '../control/skill-upload.ts';
import { createUploadReader } from '../control/skill-upload.ts';
import { createSkillCommands, createSkillVersionCommands } from '../control/skills.ts';
import { createThreadCommands } from '../control/threads.ts';
import { createVaultCommands } from '../control/vaults.ts';
import type { Blobs } from '../domain/blobs.ts';
import type { ModelCatalog } from '../domain/catalog.ts';
import type { ValidateCredential } from '../domain/credential-validation.ts';
import { createCatalog } from '../domain/default-catalog.ts';
import { credentialProbeMsMax, drainGraceMs, tokenRefreshMsMax } from '../domain/limits.ts';
import type { ModelReply } from '../domain/model.ts';
import { listCostMicroCents } from '../domain/prices.ts';
import type { SandboxProvider } from '../domain/sandbox.ts';
import type { Seal, Unseal } from '../domain/sealing.ts';
import type { Claimant, Commit } from '../domain/session/session-log.ts';
import { createHands } from '../hands/hands.ts';
import { createProbe } from '../hands/mcp/probe.ts';
import { createWorkspaces } from '../hands/workspaces.ts';
import { createApp } from '../http/app.ts';
import { createAuthenticate } from '../http/auth.ts';
import { createCursors } from '../http/cursors.ts';
import type { Handlers } from '../http/handlers.ts';
import { agentRoutes } from '../http/routes/agents.ts';
import { deploymentRoutes } from '../http/routes/deployments.ts';
import { environmentRoutes } from '../http/routes/environments.ts';
import { eventRoutes } from '../http/routes/events.ts';
import { fileRoutes } from '../http/routes/files.ts';
import { memoryRoutes, memoryStoreRoutes, memoryVersionRoutes } from '../http/routes/memory-stores.ts';
import { modelRoutes } from '../http/routes/models.ts';
import { sessionResourceRoutes } from '../http/routes/session-resources.ts';
import { sessionRoutes } from '../http/routes/sessions.ts';
import { skillRoutes, skillVersionRoutes } from '../http/routes/skills.ts';
import { threadRoutes } from '../http/routes/threads.ts';
import { credentialRoutes, vaultRoutes } from '../http/routes/vaults.ts';
import type { RunningServer } from '../http/server.ts';
import { startServer } from '../http/server.ts';
import type { ModelConfig } from '../protocol/agents.ts';
import type { DeploymentRun } from '../protocol/deployment-runs.ts';
import type { Store, WorkspaceStore } from '../store/open.ts';
import { openStore } from '../store/open.ts';
import { createTails } from '../store/tails.ts';
import { createSeal, createUnseal } from '../vault/sealing.ts';
import { createValidate } from '../vault/validate.ts';
import { expireFiles } from '../workers/expire-files.ts';
import { createOccurrences } from '../workers/occurrences.ts';
import { runSessions } from '../workers/run-sessions.ts';
import { tendSandboxes } from '../workers/tend-sandboxes.ts';
import type { Config } from './config.ts';
import { firstKey } from './first-key.ts';
import { openStoreKey } from './master-key.ts';
import { checkUpstream } from './upstream.ts';
import { versionOf } from './version.ts';

export type Anthill = {
  readonly baseUrl: string;
  readonly apiKey: string;
  /** SIGTERM: running rounds finish or stop at a point from which the next start goes on. */
  close(): Promise<void>;
};

/** Puts the parts together; the only place that knows them all. */
export async function startAnthill(config: Config, provider: SandboxProvider, log: Log): Promise<Anthill> {
  const clock = systemClock;
  const tails = createTails(clock);
  const listeners: ((commit: Commit) => void)[] = [(commit) => tails.publish(commit)];
  const afterCommit = (commit: Commit) => {
    for (const listen of listeners) listen(commit);
  };
  let claimant: Claimant = () => null;
  const store = await openStore({ dataDir: config.dataDir, clock, afterCommit, claimant: () => claimant() });
  const key = await openStoreKey(store, config, log);
  const probe = createProbe({ deadlineMs: credentialProbeMsMax, version: versionOf() });
  const vault = {
    seal: createSeal(key),
    unseal: createUnseal(key),
    validate: createValidate({ key, probe, clock, refreshMsMax: tokenRefreshMsMax }),
  };
  const { organization } = store;
  const { organizationId, workspaceId, cursorKey } = await identityOf(store);
  const apiKey = await firstKey(config, organization.apiKeys, { workspaceId, nowUs: clock.nowUs() });
  if (config.upstream) await checkUpstream(config.upstream, config, organization.apiKeys);

  const catalog = createCatalog(config.models);
  await provider.sweep();
  const workspaces = createWorkspaces(join(config.dataDir, 'sessions'), store.placeFile);
  const hands = createHands({ provider, workspaces, clock, log });
  listeners.push(tendSandboxes(hands));

  const sessions = startSessions({ config, store, tails, hands, catalog, log });
  listeners.push((commit) => sessions.noticeCommit(commit));
  claimant = sessions.claimant;
  const expiry = expireFiles({ fileExpiry: store.fileExpiry, clock, log });

  const { blobs } = store;
  const runs = {
    occurrences: createOccurrences(),
    onFault: (run: DeploymentRun, cause: unknown) =>
      log.error('deployment.run_failed', { runId: run.id, deploymentId: run.deployment_id, cause }),
  };
  const shared = { blobs, config, tails, catalog, vault, readUpload: createUploadReader(blobs), runs };
  let ready = true;
  const app = createApp({
    handlers: byWorkspace((id) => createHandlers({ ...store.workspace(id), ...shared })),
    authenticate: createAuthenticate(organization.apiKeys),
    cursors: createCursors(cursorKey),
    isReady: () => ready,
    organizationId,
    version: versionOf(),
    clock,
    newId,
    log,
  });
  async function close(server: RunningServer | null): Promise<void> {
    ready = false;
    tails.close();
    await Promise.all([server?.close(drainGraceMs), sessions.close(drainGraceMs), expiry.close()]);
    await hands.close();
    await store.close();
  }
  const { host, port } = config;
  const server = await startServer({ app, host, port }).catch(async (cause: unknown) => {
    // Nothing may stay behind that would keep the process alive.
    await close(null);
    throw cause;
  });
  return {
    baseUrl: `http://${urlHost(host)}:${server.port}`,
    apiKey,
    close: () => close(server),
  };
}

type SessionParts = {
  readonly config: Config;
  readonly store: Store;
  readonly tails: ReturnType<typeof createTails>;
  readonly hands: ReturnType<typeof createHands>;
  readonly catalog: ModelCatalog;
  readonly log: Log;
};

function startSessions({ config, store, tails, hands, catalog, log }: SessionParts) {
  const scripted = createScriptedEndpoint({ scenariosDir: config.scenariosDir, clock: systemClock });
  const model = createRoutingModel({ scripted, upstream: config.upstream, catalog });
  const turnDeps = {
    log: store.log,
    model,
    hands,
    tails,
    readFile: store.readFile,
    clock: systemClock,
    newId,
    random: Math.random,
    judgeOf: judgeChoice(config.judgeModel, config.upstream?.profile ?? null),
    windowOf: (model: ModelConfig) => windowOf(catalog, config.upstream, model),
    costOf: ({ usage, servedBy }: ModelReply, model: ModelConfig) =>
      listCostMicroCents(usage, catalog.get(servedBy) ?? catalog.get(model.id), model.inference_geo),
  };
  return runSessions({
    leases: store.leases,
    owner: randomUUID(),
    startTurn: (lease) => startTurn(turnDeps, lease),
    breakDown: (lease) => breakDown(turnDeps, lease),
    clock: systemClock,
    log,
  });
}

/** Handlers are made when the first client of a workspace comes, and kept. */
function byWorkspace(make: (workspaceId: string) => Handlers): (workspaceId: string) => Handlers {
  const made = new Map<string, Handlers>();
  return (workspaceId) => {
    const handlers = made.get(workspaceId) ?? make(workspaceId);
    made.set(workspaceId, handlers);
    return handlers;
  };
}

type HandlerParts = WorkspaceStore &
  Pick<SessionParts, 'config' | 'tails' | 'catalog'> & {
    readonly blobs: Blobs;
    readonly readUpload: UploadReader;
    readonly vault: { readonly seal: Seal; readonly unseal: Unseal; readonly validate: ValidateCredential };
    readonly runs: Pick<DeploymentDeps, 'occurrences'> & Pick<DeploymentRunDeps, 'onFault'>;
  };

function createHandlers(parts: HandlerParts): Handlers {
  const { log, collections, blobs, config, tails, catalog, vault, readUpload, runs } = parts;
  const common = { clock: systemClock, newId };
  const sessionDeps = { log, collections, catalog, ...vault, ...common };
  const threads = createThreadCommands({ log, clock: systemClock });
  const skillDeps = { collections, blobs, readUpload, ...common };
  const {
    agents,
    environments,
    vaults,
    sessions,
    memoryStores,
    memories,
    memoryVersions,
    files,
    skillVersions,
  } = collections;
  return {
    ...agentRoutes(createAgentCommands({ agents, skillVersions, catalog, ...common })),
    ...environmentRoutes(createEnvironmentCommands({ environments, ...common })),
    ...memoryStoreRoutes(createMemoryStoreCommands({ memoryStores, ...common })),
    ...memoryRoutes(createMemoryCommands({ memoryStores, memories, ...common })),
    ...memoryVersionRoutes(createMemoryVersionCommands({ memoryStores, memoryVersions, clock: systemClock })),
    ...modelRoutes(createModelCommands(catalog)),
    ...sessionRoutes(createSessionCommands(sessionDeps)),
    ...sessionResourceRoutes(createSessionResourceCommands({ log, sessions, ...vault, ...common })),
    ...skillRoutes(createSkillCommands(skillDeps)),
    ...skillVersionRoutes(createSkillVersionCommands(skillDeps)),
    ...deploymentRoutes(
      createDeploymentCommands({ ...sessionDeps, ...runs }),
      createDeploymentRunCommands({ ...sessionDeps, ...runs }),
    ),
    ...threadRoutes(threads),
    ...vaultRoutes(createVaultCommands({ vaults, ...common })),
    ...credentialRoutes(createCredentialCommands({ collections, ...vault, ...common })),
    ...fileRoutes(createFileCommands({ files, blobs, quotaBytes: config.filesQuotaBytes, ...common })),
    ...eventRoutes({ log, tails, catalog, files, threads, ...common }),
  };
}

async function identityOf(store: Store) {
  const { identity } = store.organization;
  return {
    organizationId: await identity.getOrCreate('organization_id', randomUUID),
    workspaceId: await identity.getOrCreate(
      'workspace_id',
      () => `wrkspc_${newId('apikey').slice('apikey_'.length)}`,
    ),
    cursorKey: await identity.getOrCreate('cursor_key', () => randomBytes(32).toString('base64url')),
  };
}

/** What a client on this machine puts into a URL. */
function urlHost(host: string): string {
  if (host === '0.0.0.0' || host === '::') return '127.0.0.1';
  return host.includes(':') ? `[${host}]` : host;
}
