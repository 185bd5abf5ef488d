import type { SessionId } from '../base/ids.ts';
import type { UrlPlace } from './url-places.ts';

/** Whose credentials are looked at: a session with the vaults that it names, in order of precedence. */
export type SecretHolder = { readonly sessionId: SessionId; readonly vaultIds: readonly string[] };

/** Stands for a secret inside of a sandbox. Worth nothing: only the door of its session takes it for the secret. */
export type SecretVariable = { readonly name: string; readonly placeholder: string };

/** A secret for requests to one host. */
export type Injection = {
  readonly placeholder: string;
  readonly secret: string;
  /** Where in a request a placeholder becomes the secret. */
  readonly header: boolean;
  readonly body: boolean;
  /** The credential names this host, and not just any: it may then go there without encryption. */
  readonly isNamed: boolean;
  /** Only for requests there; absent: for all of the host. */
  readonly place?: UrlPlace;
};

/** Credentials of type `environment_variable`. Looked up anew each time: a rotation is heard at once. */
export interface SandboxSecrets {
  variables(holder: SecretHolder): Promise<readonly SecretVariable[]>;
  /** Those that may go to this host. */
  forHost(holder: SecretHolder, host: string): Promise<readonly Injection[]>;
}
