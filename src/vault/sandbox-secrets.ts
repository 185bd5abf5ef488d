import type { StoredCredential } from '../domain/collections.ts';
import { coversHost } from '../domain/hosts.ts';
import type { Injection, SandboxSecrets, SecretHolder } from '../domain/sandbox-secrets.ts';
import type { SessionCredentials } from '../domain/session-credentials.ts';
import type { Credential } from '../protocol/credentials.ts';
import { openCredential } from './open-credential.ts';
import { createPlaceholders } from './placeholders.ts';

type VariableAuth = Extract<Credential['auth'], { type: 'environment_variable' }>;
type Variable = { readonly stored: StoredCredential; readonly auth: VariableAuth };

export type SandboxSecretsOptions = {
  readonly key: Uint8Array;
  readonly credentials: SessionCredentials;
};

export function createSandboxSecrets({ key, credentials }: SandboxSecretsOptions): SandboxSecrets {
  const placeholder = createPlaceholders(key);
  const placeholderOf = ({ sessionId }: SecretHolder, { stored }: Variable) =>
    placeholder(sessionId, stored.credential.id);

  /** The first vault that has a variable wins. */
  async function variablesOf({ vaultIds }: SecretHolder): Promise<readonly Variable[]> {
    const byName = new Map<string, Variable>();
    for (const stored of await credentials.variables(vaultIds)) {
      const { auth } = stored.credential;
      if (auth.type === 'environment_variable' && !byName.has(auth.secret_name))
        byName.set(auth.secret_name, { stored, auth });
    }
    return [...byName.values()];
  }

  return {
    async variables(holder) {
      const variables = await variablesOf(holder);
      return variables.map((variable) => ({
        name: variable.auth.secret_name,
        placeholder: placeholderOf(holder, variable),
      }));
    },
    async forHost(holder, host) {
      const variables = await variablesOf(holder);
      return variables.flatMap((variable) => {
        const isNamed = namesHost(variable.auth, host);
        if (!isNamed && variable.auth.networking.type !== 'unrestricted') return [];
        return injectionOf(variable, placeholderOf(holder, variable), isNamed);
      });
    },
  };

  function injectionOf({ stored, auth }: Variable, placeholder: string, isNamed: boolean): Injection[] {
    const secret = openCredential(key, stored).secret('secret_value');
    return secret === null ? [] : [{ placeholder, secret, ...auth.injection_location, isNamed }];
  }
}

function namesHost({ networking }: VariableAuth, host: string): boolean {
  return (
    networking.type === 'limited' && networking.allowed_hosts.some((pattern) => coversHost(pattern, host))
  );
}
