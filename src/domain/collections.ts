import type { Agent } from '../protocol/agents.ts';
import type { Credential } from '../protocol/credentials.ts';
import type { DeploymentRun, TriggerContext } from '../protocol/deployment-runs.ts';
import type { Deployment } from '../protocol/deployments.ts';
import type { Environment } from '../protocol/environments.ts';
import type { FileMetadata } from '../protocol/files.ts';
import type { Memory, MemoryListItem } from '../protocol/memories.ts';
import type { MemoryStore } from '../protocol/memory-stores.ts';
import type { MemoryOperation, MemoryVersion } from '../protocol/memory-versions.ts';
import type { Session } from '../protocol/sessions.ts';
import type { Vault } from '../protocol/vaults.ts';
import type { StagedBlob } from './blobs.ts';
import type { DeploymentScene, StoredDeployment } from './deployments.ts';
import type { EgressDecisions } from './egress.ts';
import type { EnvironmentKeys } from './environment-keys.ts';
import type { MemoryScene, MemoryWrite } from './memories.ts';
import type { SecretField } from './sealing.ts';
import type { Positioned } from './session/session-log.ts';
import type { KeptSkill, KeptSkillVersion, SkillWithVersion } from './skills.ts';
import type { WebhookEndpoints } from './webhook-endpoints.ts';
import type { WorkItems } from './work.ts';

/** A window over a list. Keyset only: `after` is the position of the last item seen. */
export type PageQuery = {
  readonly limit: number;
  readonly order: 'asc' | 'desc';
  readonly after: Position | null;
  /** Microsecond bounds on the sort time, inclusive or not. */
  readonly createdAt: {
    readonly gt?: number;
    readonly gte?: number;
    readonly lt?: number;
    readonly lte?: number;
  };
};

/** Sort time in microseconds and a tie-breaker. */
export type Position = readonly [number, number | string];

export type ResourceQuery = PageQuery & { readonly includeArchived: boolean };

export type SessionQuery = ResourceQuery & {
  readonly agentId: string | null;
  readonly agentVersion: number | null;
  readonly statuses: readonly Session['status'][] | null;
  readonly deploymentId: string | null;
  /** Sessions over a memory store: none can be yet. */
  readonly memoryStoreId: string | null;
};

/**
 * Stored resources other than sessions. `change` runs its pure rule inside one transaction over the
 * current document; returning the same object writes nothing. Absent ids give `null`.
 */
export interface Agents {
  insert(agent: Agent): Promise<void>;
  /** `version` omitted: the latest. */
  get(id: string, version?: number): Promise<Agent | null>;
  change(id: string, rule: (current: Agent) => Agent): Promise<Agent | null>;
  /** Changes an agent and every deployment of it that is not archived at once. */
  archive(id: string, rules: AgentArchiveRules): Promise<Agent | null>;
  page(query: ResourceQuery): Promise<readonly Positioned<Agent>[]>;
  versions(id: string, query: PageQuery): Promise<readonly Positioned<Agent>[]>;
}

export type AgentArchiveRules = {
  readonly agent: (current: Agent) => Agent;
  readonly deployment: (current: StoredDeployment) => StoredDeployment;
};

export interface Environments {
  /** A second active environment of the same name is refused with `conflict`. */
  insert(environment: Environment): Promise<void>;
  get(id: string): Promise<Environment | null>;
  change(id: string, rule: (current: Environment) => Environment): Promise<Environment | null>;
  page(query: ResourceQuery): Promise<readonly Positioned<Environment>[]>;
  /** `check` gets the number of its sessions that are not archived and may refuse. `false`: no such environment. */
  remove(id: string, check: (activeSessions: number) => void): Promise<boolean>;
}

export interface Vaults {
  insert(vault: Vault): Promise<void>;
  get(id: string): Promise<Vault | null>;
  change(id: string, rule: (current: Vault) => Vault): Promise<Vault | null>;
  /** Changes a vault and every credential in it at once; the secrets of all of them are gone. */
  archive(id: string, rules: ArchiveRules): Promise<Vault | null>;
  page(query: ResourceQuery): Promise<readonly Positioned<Vault>[]>;
  /** Its credentials go with it. `false`: no such vault. */
  remove(id: string): Promise<boolean>;
}

export type ArchiveRules = {
  readonly vault: (current: Vault) => Vault;
  readonly credential: (current: Credential) => Credential;
};

/** A credential and its secrets as they lie in the store: sealed. */
export type StoredCredential = {
  readonly credential: Credential;
  readonly sealed: Readonly<Partial<Record<SecretField, string>>>;
};

/** Credentials are found below their vault only. */
export interface Credentials {
  /** `check` gets the vault and its active credentials and may refuse. `false`: no such vault. */
  insert(stored: StoredCredential, check: AdmissionCheck): Promise<boolean>;
  get(vaultId: string, id: string): Promise<Credential | null>;
  /** With its secrets, sealed. */
  stored(vaultId: string, id: string): Promise<StoredCredential | null>;
  change(
    vaultId: string,
    id: string,
    rule: (current: StoredCredential) => StoredCredential,
  ): Promise<Credential | null>;
  page(vaultId: string, query: ResourceQuery): Promise<readonly Positioned<Credential>[]>;
  remove(vaultId: string, id: string): Promise<boolean>;
}

export type AdmissionCheck = (vault: Vault, active: readonly Credential[]) => void;

export interface Sessions {
  /** The API object as of `nowUs` (durations are running). */
  get(id: string, nowUs: number): Promise<Session | null>;
  page(query: SessionQuery, nowUs: number): Promise<readonly Positioned<Session>[]>;
}

export type DeploymentQuery = ResourceQuery & {
  readonly agentId: string | null;
  readonly status: Deployment['status'] | null;
};

export interface Deployments {
  /** `check` gets what the deployment would stand among and may refuse. */
  insert(stored: StoredDeployment, check: DeploymentCheck): Promise<void>;
  get(id: string): Promise<StoredDeployment | null>;
  /** `check` is asked about what the rule made of it, unless that is the same object. */
  change(
    id: string,
    rule: (current: StoredDeployment) => StoredDeployment,
    check?: DeploymentCheck,
  ): Promise<StoredDeployment | null>;
  page(query: DeploymentQuery): Promise<readonly Positioned<StoredDeployment>[]>;
}

export type DeploymentCheck = (stored: StoredDeployment, scene: DeploymentScene) => void;

export type DeploymentRunQuery = PageQuery & {
  readonly deploymentId: string | null;
  readonly trigger: TriggerContext['type'] | null;
  readonly hasError: boolean | null;
};

export interface DeploymentRuns {
  /**
   * A run without a session; one that has a session is written along with it, see `SessionLog.create`. Refused
   * when the deployment is absent or archived, and with `conflict` when it had a run for this scheduled time.
   */
  insert(run: DeploymentRun): Promise<void>;
  get(id: string): Promise<DeploymentRun | null>;
  page(query: DeploymentRunQuery): Promise<readonly Positioned<DeploymentRun>[]>;
}

export interface MemoryStores {
  insert(store: MemoryStore): Promise<void>;
  get(id: string): Promise<MemoryStore | null>;
  change(id: string, rule: (current: MemoryStore) => MemoryStore): Promise<MemoryStore | null>;
  page(query: ResourceQuery): Promise<readonly Positioned<MemoryStore>[]>;
  /** With its memories and their versions. `false`: no such store. */
  remove(id: string): Promise<boolean>;
}

/** A window over the memories below `prefix` (which ends with /), by path. `depth` n rolls up what lies deeper than n, 0 nothing. */
export type MemoryQuery = {
  readonly limit: number;
  /** Path of the last item seen. */
  readonly after: string | null;
  readonly prefix: string;
  readonly depth: number;
  readonly withContent: boolean;
};

/** What a write is about: a memory, and the path that it is to have if that is a new one. */
export type MemoryTarget = {
  readonly storeId: string;
  readonly memoryId: string;
  readonly path: string | null;
};

export interface Memories {
  get(storeId: string, id: string): Promise<Memory | null>;
  page(storeId: string, query: MemoryQuery): Promise<readonly Positioned<MemoryListItem>[]>;
  /**
   * Runs the rule over the memory as it is and writes what it decides, the version along with the memory,
   * in one transaction. `null`: no such store.
   */
  write(target: MemoryTarget, rule: (scene: MemoryScene) => MemoryWrite): Promise<MemoryWrite | null>;
}

export type MemoryVersionQuery = PageQuery & {
  readonly memoryId: string | null;
  readonly operation: MemoryOperation | null;
  readonly sessionId: string | null;
  readonly apiKeyId: string | null;
  readonly serviceAccountId: string | null;
  readonly withContent: boolean;
};

export interface MemoryVersions {
  get(storeId: string, id: string): Promise<MemoryVersion | null>;
  page(storeId: string, query: MemoryVersionQuery): Promise<readonly Positioned<MemoryVersion>[]>;
  /** The rule also hears whether a memory has this version now. */
  change(
    storeId: string,
    id: string,
    rule: (current: MemoryVersion, isHead: boolean) => MemoryVersion,
  ): Promise<MemoryVersion | null>;
}

export type FileQuery = PageQuery & {
  /** The session whose files are wanted; null: uploads, unless `ids` name others. */
  readonly scopeId: string | null;
  readonly ids: readonly string[] | null;
  readonly nowUs: number;
};

export type StoredFile = {
  readonly file: FileMetadata;
  /** Where its content is; null once it has expired. */
  readonly sha256: string | null;
};

/**
 * Files that clients uploaded, and those of sessions. What has been expired for long is not there, see
 * `isForgotten`. A session's copies of files come and go with its decisions, see `SessionFiles`; what its
 * tools made is inserted here, with its `scope`. All of them go with their session.
 */
export interface Files {
  /**
   * Publishes the content and inserts its row, all or nothing. `check` gets the bytes that the uploads of the
   * organization take and may refuse; it is asked for uploads only. An absent session is `not_found`.
   */
  insert(file: FileMetadata, staged: StagedBlob, check: (usedBytes: number) => void): Promise<void>;
  get(id: string, nowUs: number): Promise<StoredFile | null>;
  page(query: FileQuery): Promise<readonly Positioned<FileMetadata>[]>;
  /** Where a file stands in a list, or stood before it was deleted not long ago. */
  position(id: string): Promise<Position | null>;
  /** Bytes that the uploads of the organization take. */
  usedBytes(): Promise<number>;
  /** Its content stays while another file has the same. */
  remove(id: string, nowUs: number): Promise<boolean>;
}

/** What time does to the files of all workspaces. */
export interface FileExpiry {
  /** Lets go of content that has expired and of what is to be forgotten, a limited number; whether there was any. */
  expire(nowUs: number): Promise<boolean>;
}

export interface Skills {
  /** Publishes the archive of its first version. A second skill of the name is refused with `conflict`. */
  insert(made: SkillWithVersion, staged: StagedBlob): Promise<void>;
  get(id: string): Promise<KeptSkill | null>;
  page(query: PageQuery): Promise<readonly Positioned<KeptSkill>[]>;
  /** With its versions and their archives. `false`: no such skill. */
  remove(id: string): Promise<boolean>;
}

/** Found below their skill only, by their id, their number in decimal, or as `latest`. */
export interface SkillVersions {
  /**
   * Publishes the archive. The rule makes the version from the skill as it is, and the skill that has it.
   * `null`: no such skill.
   */
  insert(skillId: string, staged: StagedBlob, rule: VersionRule): Promise<SkillWithVersion | null>;
  get(skillId: string, version: string): Promise<KeptSkillVersion | null>;
  page(skillId: string, query: PageQuery): Promise<readonly Positioned<KeptSkillVersion>[]>;
  /** With its archive. The rule gets the skill and the newest of its other versions, and may refuse. */
  remove(skillId: string, version: string, rule: VersionRemoval): Promise<KeptSkillVersion | null>;
}

export type VersionRule = (skill: KeptSkill) => SkillWithVersion;
export type VersionRemoval = (skill: KeptSkill, newestLeft: KeptSkill['latest'] | null) => KeptSkill;

/** The resources of one workspace; those of another are not there. */
export interface Collections {
  readonly agents: Agents;
  readonly environments: Environments;
  readonly vaults: Vaults;
  readonly credentials: Credentials;
  readonly sessions: Sessions;
  readonly deployments: Deployments;
  readonly deploymentRuns: DeploymentRuns;
  readonly memoryStores: MemoryStores;
  readonly memories: Memories;
  readonly memoryVersions: MemoryVersions;
  readonly files: Files;
  readonly skills: Skills;
  readonly skillVersions: SkillVersions;
  readonly environmentKeys: EnvironmentKeys;
  readonly workItems: WorkItems;
  readonly webhookEndpoints: WebhookEndpoints;
  readonly egress: EgressDecisions;
}
