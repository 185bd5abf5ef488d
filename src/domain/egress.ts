import type { SessionId } from '../base/ids.ts';
import type { EgressDecision } from '../protocol/egress.ts';
import type { EnvironmentConfig } from '../protocol/environments.ts';
import type { PageQuery, Position } from './collections.ts';
import type { EgressVerdict } from './egress-policy.ts';

/** One decision on a connection of a sandbox. */
export type EgressRecord = EgressVerdict & {
  readonly id: string;
  readonly sessionId: SessionId;
  readonly atUs: number;
  readonly host: string;
  readonly port: number;
};

/** What happened at the doors of sandboxes, of all workspaces. */
export interface EgressRecords {
  /** Of each session the newest `egressRecordsMax` are kept. Does nothing for a session that is gone. */
  insert(records: readonly EgressRecord[]): Promise<void>;
}

export type EgressQuery = PageQuery & { readonly result: EgressVerdict['result'] | null };

/** The same for clients of one workspace. `null`: no such session. */
export interface EgressDecisions {
  page(
    sessionId: string,
    query: EgressQuery,
  ): Promise<readonly { readonly item: EgressDecision; readonly position: Position }[]>;
}

/** The configuration of an environment as it is now, of any workspace; `null`: it is gone. */
export type ReadEnvironmentConfig = (environmentId: string) => Promise<EnvironmentConfig | null>;
