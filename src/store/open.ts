import { join } from 'node:path';
import type { Clock } from '../base/clock.ts';
import type { Blobs } from '../domain/blobs.ts';
import type { Collections, FileExpiry } from '../domain/collections.ts';
import type { EgressRecords, ReadEnvironmentConfig } from '../domain/egress.ts';
import type { PlaceFile, ReadFile } from '../domain/files.ts';
import type { FindMemories } from '../domain/mounted-memories.ts';
import type { FindSkillVersion } from '../domain/mounted-skills.ts';
import type { Organization } from '../domain/organization.ts';
import type { ReadRepositoryToken } from '../domain/repositories.ts';
import type { Retention } from '../domain/retention.ts';
import type { SealedSecrets } from '../domain/sealing.ts';
import type { Claimant, Commit, DriveScope, Leases, SessionLog } from '../domain/session/session-log.ts';
import type { SessionCounts } from '../domain/session-counts.ts';
import type { SessionCredentials } from '../domain/session-credentials.ts';
import type { SessionOutputs } from '../domain/session-outputs.ts';
import type { SessionSnapshots } from '../domain/session-snapshots.ts';
import type { ReadSkill } from '../domain/skills.ts';
import { createAccess } from './access.ts';
import { createAgents } from './agents.ts';
import { createApiKeys } from './api-keys.ts';
import type { BlobFiles } from './blob-files.ts';
import { openBlobFiles } from './blob-files.ts';
import { openBodies } from './bodies.ts';
import { createContentRows } from './content-rows.ts';
import type { Contents } from './contents.ts';
import { createContents } from './contents.ts';
import { createCredentials } from './credentials.ts';
import { openDataDirectory } from './data-directory.ts';
import { createDeploymentRuns } from './deployment-runs.ts';
import { createDeployments } from './deployments.ts';
import { createEgressDecisions, createEgressRecords } from './egress.ts';
import type { Engine } from './engines/engine.ts';
import { openSqlite } from './engines/sqlite.ts';
import { createEnvironmentKeys } from './environment-keys.ts';
import { createEnvironments, createReadEnvironmentConfig } from './environments.ts';
import { createFileExpiry } from './file-expiry.ts';
import { createFiles, createPlaceFile, createReadFile } from './files.ts';
import { createFoldCache } from './fold-cache.ts';
import { createIdentity } from './identity.ts';
import { createLeases } from './leases.ts';
import { createFindMemories, createMemories } from './memories.ts';
import { createMemoryStores } from './memory-stores.ts';
import { createMemoryVersions } from './memory-versions.ts';
import { migrate } from './migrations.ts';
import { rememberKeys } from './remembered-keys.ts';
import { createRetention } from './retention.ts';
import { createSealedSecrets } from './sealed-secrets.ts';
import type { Servers } from './servers.ts';
import { createSessionCounts } from './session-counts.ts';
import { createSessionCredentials } from './session-credentials.ts';
import type { SessionLogDeps } from './session-log.ts';
import { createSessionLog } from './session-log.ts';
import { createSessionOutputs } from './session-outputs.ts';
import { createReadRepositoryToken } from './session-resources.ts';
import { createSessionSnapshots } from './session-snapshots.ts';
import { createSessions } from './sessions.ts';
import { createFindSkill, createReadSkill, createSkillVersions } from './skill-versions.ts';
import { createSkills } from './skills.ts';
import { createUsage } from './usage.ts';
import { createVaults } from './vaults.ts';
import { createWebhookEndpoints } from './webhook-endpoints.ts';
import { createWorkItems } from './work-items.ts';
import { createWorkspaces } from './workspaces.ts';

export type Store = {
  /** The sessions of all workspaces, for who works on them. */
  readonly log: SessionLog;
  readonly leases: Leases;
  readonly organization: Organization;
  readonly blobs: Blobs;
  readonly fileExpiry: FileExpiry;
  readonly retention: Retention;
  /** Any file, for who works on sessions: their logs name only what their workspace has. */
  readonly readFile: ReadFile;
  /** Any skill, likewise. */
  readonly readSkill: ReadSkill;
  readonly findSkill: FindSkillVersion;
  readonly findMemories: FindMemories;
  readonly placeFile: PlaceFile;
  readonly sessionOutputs: SessionOutputs;
  readonly sessionSnapshots: SessionSnapshots;
  readonly sessionCredentials: SessionCredentials;
  readonly sessionCounts: SessionCounts;
  readonly readRepositoryToken: ReadRepositoryToken;
  readonly egressRecords: EgressRecords;
  readonly readEnvironmentConfig: ReadEnvironmentConfig;
  readonly sealed: SealedSecrets;
  /** The time of all that work on the store. */
  readonly clock: Clock;
  workspace(id: string): WorkspaceStore;
  /** Called whenever a database that was away, or took this server for dead, is back. */
  whenBack(listener: () => void): void;
  close(): Promise<void>;
};

/** What clients of one workspace can reach. */
export type WorkspaceStore = { readonly log: SessionLog; readonly collections: Collections };

export type StoreOptions = {
  readonly dataDir: string;
  /** The content of files; else below the data directory. */
  readonly filesDir?: string;
  readonly clock: Clock;
  readonly afterCommit: (commit: Commit) => void;
  readonly claimant?: Claimant;
  /** What may be claimed here. */
  readonly scope?: DriveScope;
};

/** The embedded store: everything durable in one directory, locked against a second server. */
export async function openStore({ dataDir, filesDir, ...options }: StoreOptions): Promise<Store> {
  const directory = openDataDirectory(dataDir);
  try {
    const engine = openSqlite(join(dataDir, 'anthill.db'));
    const bodies = openBodies(join(dataDir, 'blobs'));
    const blobs = openBlobFiles(filesDir ?? join(dataDir, 'files'));
    const store = await openStoreOn(engine, { bodies, blobs, ...options });
    return {
      ...store,
      async close() {
        await store.close();
        directory.close();
      },
    };
  } catch (cause) {
    directory.close();
    throw cause;
  }
}

type StoreParts = Omit<SessionLogDeps, 'engine' | 'contents' | 'others'> & {
  readonly clock: Clock;
  /** `null`: content lies in rows of the database. */
  readonly blobs: BlobFiles | null;
  /** Who else uses the engine; without it nobody does. */
  readonly servers?: Servers;
  readonly scope?: DriveScope;
};

/** Where no other process uses the engine, leases that a dead process held are void. Closes the engine. */
export async function openStoreOn(
  engine: Engine,
  { clock, blobs: files, servers, scope, ...parts }: StoreParts,
): Promise<Store> {
  const others = servers?.alive ?? (() => []);
  const leases = createLeases(engine, clock, servers ?? { alive: others, isSteady: () => true }, scope);
  const { blobs, contents } = files
    ? { blobs: files, contents: createContents(engine, files) }
    : createContentRows(engine, clock);
  try {
    await migrate(engine);
    if (!servers) await leases.voidAll();
    await contents.recover();
  } catch (cause) {
    await engine.close();
    throw cause;
  }
  const log = { engine, contents, folds: createFoldCache(), others, ...parts };
  const access = createAccess(engine);
  const keys = servers ? { access, engine } : rememberKeys(engine, access);
  return {
    log: createSessionLog(log, null),
    leases,
    organization: {
      access: keys.access,
      apiKeys: createApiKeys(keys.engine),
      workspaces: createWorkspaces(keys.engine),
      usage: createUsage(engine),
      identity: createIdentity(engine),
    },
    blobs,
    fileExpiry: createFileExpiry(contents),
    retention: createRetention({ engine, contents, blobs }),
    readFile: createReadFile(engine, blobs, clock),
    readSkill: createReadSkill(engine, blobs),
    findSkill: createFindSkill(engine),
    findMemories: createFindMemories(engine),
    placeFile: createPlaceFile(engine, blobs),
    sessionOutputs: createSessionOutputs(engine, contents),
    sessionSnapshots: createSessionSnapshots(engine, contents),
    sessionCredentials: createSessionCredentials(engine),
    sessionCounts: createSessionCounts(engine, clock),
    readRepositoryToken: createReadRepositoryToken(engine),
    egressRecords: createEgressRecords(engine),
    readEnvironmentConfig: createReadEnvironmentConfig(engine),
    sealed: createSealedSecrets(engine),
    clock,
    workspace: (id) => ({ log: createSessionLog(log, id), collections: collectionsOf(engine, contents, id) }),
    whenBack() {},
    close: () => engine.close(),
  };
}

function collectionsOf(engine: Engine, contents: Contents, workspaceId: string): Collections {
  return {
    agents: createAgents(engine, workspaceId),
    environments: createEnvironments(engine, workspaceId),
    vaults: createVaults(engine, workspaceId),
    credentials: createCredentials(engine, workspaceId),
    sessions: createSessions(engine, workspaceId),
    deployments: createDeployments(engine, workspaceId),
    deploymentRuns: createDeploymentRuns(engine, workspaceId),
    memoryStores: createMemoryStores(engine, workspaceId),
    memories: createMemories(engine, workspaceId),
    memoryVersions: createMemoryVersions(engine, workspaceId),
    files: createFiles(engine, contents, workspaceId),
    skills: createSkills(engine, contents, workspaceId),
    skillVersions: createSkillVersions(engine, contents, workspaceId),
    environmentKeys: createEnvironmentKeys(engine, workspaceId),
    webhookEndpoints: createWebhookEndpoints(engine, workspaceId),
    workItems: createWorkItems(engine, workspaceId),
    egress: createEgressDecisions(engine, workspaceId),
  };
}
