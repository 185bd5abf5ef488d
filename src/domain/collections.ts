import type { Agent } from '../protocol/agents.ts';
import type { Environment } from '../protocol/environments.ts';
import type { Session } from '../protocol/sessions.ts';
import type { Positioned } from './session/session-log.ts';

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
  /** Sessions created from a deployment or over a memory store: none exist before those nouns do. */
  readonly deploymentId: string | null;
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
  page(query: ResourceQuery): Promise<readonly Positioned<Agent>[]>;
  versions(id: string, query: PageQuery): Promise<readonly Positioned<Agent>[]>;
}

export interface Environments {
  /** A second active environment of the same name is refused with `conflict`. */
  insert(environment: Environment): Promise<void>;
  get(id: string): Promise<Environment | null>;
  change(id: string, rule: (current: Environment) => Environment): Promise<Environment | null>;
  page(query: ResourceQuery): Promise<readonly Positioned<Environment>[]>;
  /** `check` gets the number of its sessions that are not archived and may refuse. `false`: no such environment. */
  remove(id: string, check: (activeSessions: number) => void): Promise<boolean>;
}

export interface Sessions {
  /** The API object as of `nowUs` (durations are running). */
  get(id: string, nowUs: number): Promise<Session | null>;
  page(query: SessionQuery, nowUs: number): Promise<readonly Positioned<Session>[]>;
  /** Sessions that exist, for sweeping workspaces. */
  ids(): Promise<ReadonlySet<string>>;
}

export type ApiKey = {
  readonly id: string;
  readonly name: string;
  readonly createdAtUs: number;
};

export interface ApiKeys {
  /** Stores the SHA-256 of the secret. Inserting a known secret again is a no-op. */
  insert(key: ApiKey, secretHash: string): Promise<void>;
  find(secretHash: string): Promise<ApiKey | null>;
}

export interface Collections {
  readonly agents: Agents;
  readonly environments: Environments;
  readonly sessions: Sessions;
  readonly apiKeys: ApiKeys;
  /** A small durable key/value shelf for the server's own identity (organization id, workspace id). */
  readonly identity: { getOrCreate(name: string, make: () => string): Promise<string> };
}
