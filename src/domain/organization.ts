import type { EnvironmentKey } from '../protocol/environment-keys.ts';
import type { Workspace } from '../protocol/workspaces.ts';
import type { StoredKey } from './api-keys.ts';
import type { PageQuery } from './collections.ts';
import type { Positioned } from './session/session-log.ts';
import type { UsageQuery, UsageTotal } from './usage.ts';

/** What belongs to the whole installation. */
export interface Organization {
  readonly access: Access;
  readonly apiKeys: ApiKeys;
  readonly workspaces: Workspaces;
  readonly usage: Usage;
  /** A small durable key/value shelf for the server's own identity (organization id, workspace id). */
  readonly identity: { getOrCreate(name: string, make: () => string): Promise<string> };
}

/**
 * What the door asks with every request, each answered by one row: so that a key that was disabled is
 * refused from the next request on, whichever process disabled it.
 */
export interface Access {
  apiKey(secretHash: string): Promise<KeyAccess | null>;
  environmentKey(secretHash: string): Promise<EnvironmentKeyAccess | null>;
  /** By the token that a poll of the work queue gave away. */
  workItem(secretHash: string): Promise<WorkItemAccess | null>;
  /** `null`: no such workspace. */
  workspace(id: string): Promise<{ readonly isArchived: boolean } | null>;
}

export type KeyAccess = { readonly key: StoredKey; readonly isWorkspaceArchived: boolean };
export type EnvironmentKeyAccess = {
  readonly key: EnvironmentKey;
  readonly workspaceId: string;
  readonly isWorkspaceArchived: boolean;
};

export type WorkItemAccess = {
  readonly item: WorkItem;
  readonly environmentId: string;
  readonly workspaceId: string;
  readonly isWorkspaceArchived: boolean;
};
/** What the secret of a work item is for. */
export type WorkItem = { readonly id: string; readonly sessionId: string; readonly isStopped: boolean };

export type ApiKeyQuery = PageQuery & {
  readonly status: 'active' | 'archived' | 'expired' | 'inactive' | null;
  readonly workspaceId: string | null;
  /** What "expired" is measured against. */
  readonly nowUs: number;
};

export interface ApiKeys {
  /**
   * Stores the SHA-256 of the secret. `check` gets the workspace and the number of keys that are not
   * archived, and may refuse. A secret that is known already changes nothing.
   */
  insert(
    key: StoredKey,
    secretHash: string,
    check: (workspace: Workspace | null, keys: number) => void,
  ): Promise<void>;
  get(id: string): Promise<StoredKey | null>;
  /** The rule also hears how many other keys of the organization can be used at `nowUs`. */
  change(
    id: string,
    nowUs: number,
    rule: (current: StoredKey, otherAdmins: number) => StoredKey,
  ): Promise<StoredKey | null>;
  page(query: ApiKeyQuery): Promise<readonly Positioned<StoredKey>[]>;
}

export type WorkspaceQuery = PageQuery & {
  readonly includeArchived: boolean;
  /** Only these. */
  readonly ids: readonly string[] | null;
  /** Not this one. */
  readonly except: string | null;
};

export interface Workspaces {
  /** `check` gets the number of workspaces that are not archived and may refuse. An id that is known changes nothing. */
  insert(workspace: Workspace, check: (active: number) => void): Promise<void>;
  get(id: string): Promise<Workspace | null>;
  change(id: string, rule: (current: Workspace) => Workspace): Promise<Workspace | null>;
  /** Changes a workspace and archives all its keys at once. */
  archive(id: string, rule: (current: Workspace) => Workspace): Promise<Workspace | null>;
  page(query: WorkspaceQuery): Promise<readonly Positioned<Workspace>[]>;
}

export interface Usage {
  /** At most `usageRowsMax` + 1 sums, by time. */
  sum(query: UsageQuery): Promise<readonly UsageTotal[]>;
}
