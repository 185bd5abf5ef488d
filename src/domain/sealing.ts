import type { ResourceId, SessionId } from '../base/ids.ts';

/** The members of a credential that are never shown, logged or stored in the clear. */
export type SecretField = 'access_token' | 'client_secret' | 'refresh_token' | 'secret_value' | 'token';

export type Secrets = Readonly<Partial<Record<SecretField, string>>>;

/** Where a secret belongs: sealed for one place it cannot be opened as if it were another's. */
export type SecretPlace =
  | { readonly vaultId: string; readonly credentialId: string; readonly field: SecretField }
  | {
      readonly sessionId: SessionId;
      readonly resourceId: ResourceId;
      readonly field: 'authorization_token';
    }
  | { readonly deploymentId: string; readonly index: string; readonly field: 'authorization_token' }
  | { readonly webhookEndpointId: string; readonly field: 'signing_secret' };

/** Encrypts one secret for rest. Two seals of one secret differ. */
export type Seal = (secret: string, place: SecretPlace) => string;

/** The secret that was sealed for this place; throws when it was not. */
export type Unseal = (sealed: string, place: SecretPlace) => string;

/** The same secret sealed with another key. Throws when the current key does not open it at this place. */
export type Reseal = (sealed: string, place: SecretPlace) => string;

/** Everything that lies sealed in the store, of all workspaces. */
export type SealedSecrets = {
  /** Rewrites every one and keeps the mark beside them, as the check too if there is one, in one transaction. How many there were. */
  rewrite(reseal: Reseal, mark: string): Promise<number>;
  /** What the key of a database that several servers use is known by; null: no server has used it yet. */
  check(): Promise<string | null>;
  /** Of a rewriting that was not purged after yet; null: there is none. */
  mark(): Promise<string | null>;
  /** Takes all that was ever overwritten or deleted out of the database's files, then forgets the mark. */
  purge(): Promise<void>;
};
