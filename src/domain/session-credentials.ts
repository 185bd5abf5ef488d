import type { Credential } from '../protocol/credentials.ts';
import type { StoredCredential } from './collections.ts';

/** Credentials for who works on sessions, of any workspace: a session names only vaults of its own. */
export interface SessionCredentials {
  /** The active credential for an MCP server, of the first of the vaults that has one. */
  forServer(url: string, vaultIds: readonly string[]): Promise<StoredCredential | null>;
  /** The active credentials for environment variables, in the order of the vaults. */
  variables(vaultIds: readonly string[]): Promise<readonly StoredCredential[]>;
  /** Does nothing when it is gone. */
  change(credential: Credential, rule: (current: StoredCredential) => StoredCredential): Promise<void>;
}
