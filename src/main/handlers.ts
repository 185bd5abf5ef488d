import { newId } from '../base/ids.ts';
import type { Log } from '../base/log.ts';
import { createAgentCommands } from '../control/agents.ts';
import { createCredentialCommands } from '../control/credentials.ts';
import type { DeploymentRunDeps } from '../control/deployment-runs.ts';
import { createDeploymentRunCommands } from '../control/deployment-runs.ts';
import type { DeploymentDeps } from '../control/deployments.ts';
import { createDeploymentCommands } from '../control/deployments.ts';
import { createDiagnosisCommands } from '../control/diagnosis.ts';
import { createEgressCommands } from '../control/egress.ts';
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
import { createWorkCommands } from '../control/work.ts';
import type { WorkSignals } from '../control/work-signals.ts';
import type { ModelCatalog } from '../domain/catalog.ts';
import type { ValidateCredential } from '../domain/credential-validation.ts';
import type { Seal, Unseal } from '../domain/sealing.ts';
import type { Tails } from '../domain/tails.ts';
import type { Handlers } from '../http/handlers.ts';
import { adminRoutes } from '../http/routes/admin.ts';
import { agentRoutes } from '../http/routes/agents.ts';
import { deploymentRoutes } from '../http/routes/deployments.ts';
import { diagnosisRoutes } from '../http/routes/diagnosis.ts';
import { egressRoutes } from '../http/routes/egress.ts';
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
import { workRoutes } from '../http/routes/work.ts';
import type { Store } from '../store/open.ts';
import { createOccurrences } from '../workers/occurrences.ts';
import type { Config } from './config.ts';
import type { Founded } from './organization.ts';
import { createAdminCommands } from './organization.ts';

export type HandlerParts = {
  readonly store: Store;
  readonly organization: Omit<Founded, 'first' | 'cursorKey'>;
  readonly config: Config;
  readonly tails: Tails;
  readonly workSignals: WorkSignals;
  readonly catalog: ModelCatalog;
  readonly vault: { readonly seal: Seal; readonly unseal: Unseal; readonly validate: ValidateCredential };
  readonly log: Log;
};

/** Handlers are made when the first client of a workspace comes, and kept. */
export function handlersByWorkspace(parts: HandlerParts): (workspaceId: string) => Handlers {
  const made = new Map<string, Handlers>();
  const shared = { ...parts, readUpload: createUploadReader(parts.store.blobs), runs: runsOf(parts.log) };
  return (workspaceId) => {
    const handlers = made.get(workspaceId) ?? createHandlers(workspaceId, shared);
    made.set(workspaceId, handlers);
    return handlers;
  };
}

/** What runs of deployments need besides sessions. */
function runsOf(log: Log): Pick<DeploymentDeps, 'occurrences'> & Pick<DeploymentRunDeps, 'onFault'> {
  return {
    occurrences: createOccurrences(),
    onFault: (run, cause) =>
      log.error('deployment.run_failed', { runId: run.id, deploymentId: run.deployment_id, cause }),
  };
}

type Shared = HandlerParts & {
  readonly readUpload: UploadReader;
  readonly runs: ReturnType<typeof runsOf>;
};

function createHandlers(workspaceId: string, shared: Shared): Handlers {
  const { store, config, tails, catalog, vault, readUpload, runs } = shared;
  const { log, collections } = store.workspace(workspaceId);
  const { organization, blobs } = store;
  const founded = shared.organization;
  const admin = { ...founded, organization, collections, workspaceId, seal: vault.seal, config };
  const common = { clock: store.clock, newId };
  const { packageHosts } = config.egress;
  const { repositoryHosts } = config;
  const sessionDeps = { log, collections, catalog, packageHosts, repositoryHosts, ...vault, ...common };
  const threads = createThreadCommands({ log, clock: store.clock });
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
    ...adminRoutes(createAdminCommands(admin)),
    ...agentRoutes(createAgentCommands({ agents, skillVersions, catalog, ...common })),
    ...environmentRoutes(createEnvironmentCommands({ environments, ...common })),
    ...workRoutes(createWorkCommands({ log, collections, signals: shared.workSignals, ...common })),
    ...memoryStoreRoutes(createMemoryStoreCommands({ memoryStores, ...common })),
    ...memoryRoutes(createMemoryCommands({ memoryStores, memories, ...common })),
    ...memoryVersionRoutes(createMemoryVersionCommands({ memoryStores, memoryVersions, clock: store.clock })),
    ...modelRoutes(createModelCommands(catalog)),
    ...sessionRoutes(createSessionCommands(sessionDeps)),
    ...sessionResourceRoutes(createSessionResourceCommands({ log, sessions, ...vault, ...common })),
    ...egressRoutes(createEgressCommands({ collections, clock: store.clock })),
    ...diagnosisRoutes(createDiagnosisCommands({ log })),
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
