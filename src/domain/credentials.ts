import { formatUs, parseUs } from '../base/timestamp.ts';
import type {
  AuthUpdate,
  Credential,
  CredentialCreate,
  CredentialUpdate,
  RefreshParams,
  RefreshUpdate,
} from '../protocol/credentials.ts';
import { invalid, Refusal } from '../protocol/refusal.ts';
import type { Vault } from '../protocol/vaults.ts';
import type { StoredCredential } from './collections.ts';
import { credentialsPerVaultMax } from './limits.ts';
import { mergeMetadata } from './metadata.ts';
import type { Secrets } from './sealing.ts';
import { archivedVault } from './vaults.ts';

type Auth = Credential['auth'];
type AuthOf<T extends Auth['type']> = Extract<Auth, { type: T }>;
type UpdateOf<T extends Auth['type']> = Extract<AuthUpdate, { type: T }>;
type ParamsOf<T extends Auth['type']> = Extract<CredentialCreate['auth'], { type: T }>;
type Refresh = NonNullable<AuthOf<'mcp_oauth'>['refresh']>;
type Location = AuthOf<'environment_variable'>['injection_location'];

/** What a credential is after a create or update, and the secrets that came with it: to be sealed, never kept. */
export type Deposit = { readonly credential: Credential; readonly secrets: Secrets };

export type CredentialBirth = { readonly id: string; readonly vaultId: string; readonly nowUs: number };

export function createCredential(params: CredentialCreate, { id, vaultId, nowUs }: CredentialBirth): Deposit {
  const { auth, secrets } = resolveAuth(params.auth, nowUs);
  const at = formatUs(nowUs);
  const credential: Credential = {
    id,
    type: 'vault_credential',
    vault_id: vaultId,
    display_name: params.display_name ?? null,
    auth,
    metadata: params.metadata ?? {},
    created_at: at,
    updated_at: at,
    archived_at: null,
  };
  return { credential, secrets };
}

/** What a vault keeps to when one more credential comes (spec/vaults.md, Credential types). */
export function checkAdmission(vault: Vault, active: readonly Credential[], added: Credential): void {
  if (vault.archived_at !== null) throw archivedVault(vault.id);
  const key = credentialKey(added.auth);
  const taken = active.find((credential) => credentialKey(credential.auth) === key);
  if (taken) {
    const name = added.auth.type === 'environment_variable' ? 'auth.secret_name' : 'auth.mcp_server_url';
    throw new Refusal(
      'conflict',
      `${name}: the active credential ${taken.id} of vault ${vault.id} is for the same; update or archive that one`,
    );
  }
  if (active.length >= credentialsPerVaultMax) {
    throw invalid(
      `Vault ${vault.id} has ${credentialsPerVaultMax} active credentials, the most it can hold; archive or delete one first`,
    );
  }
}

/** What a credential is for, once among the active ones of its vault: an MCP server or a variable. */
export function credentialKey(auth: Auth): string {
  if (auth.type === 'environment_variable') return `variable ${auth.secret_name}`;
  return serverKey(auth.mcp_server_url);
}

/** The key of any credential for an MCP server, however its URL is written. */
export function serverKey(url: string): string {
  return `server ${normalUrl(url)}`;
}

/** One spelling per server: case of scheme and host, default ports, a last slash and fragments do not matter. */
function normalUrl(text: string): string {
  const { protocol, host, pathname, search } = new URL(text);
  return `${protocol}//${host}${pathname.replace(/\/+$/, '')}${search}`;
}

/** Absent and null keep, secrets included. The same credential when nothing changed. */
export function updateCredential(current: Credential, params: CredentialUpdate, nowUs: number): Deposit {
  if (current.archived_at !== null) throw invalid(`Credential ${current.id} is archived.`);
  const { auth, secrets } = params.auth
    ? updateAuth(current.auth, params.auth, nowUs)
    : { auth: current.auth, secrets: {} };
  const changed: Credential = {
    ...current,
    display_name: params.display_name ?? current.display_name,
    auth,
    metadata: { ...mergeMetadata(current.metadata, params.metadata) },
  };
  const isSame = JSON.stringify(changed) === JSON.stringify(current);
  if (isSame && Object.keys(secrets).length === 0) return { credential: current, secrets };
  return { credential: { ...changed, updated_at: formatUs(nowUs) }, secrets };
}

/** Tokens that an exchange brought, unless somebody has changed the secrets meanwhile: what they sent is newer. */
export function withRotated(current: StoredCredential, { before, fresh, at }: Rotation): StoredCredential {
  const isSame = JSON.stringify(current.sealed) === JSON.stringify(before.sealed);
  if (!isSame || current.credential.archived_at !== null) return current;
  return {
    credential: { ...current.credential, auth: fresh.auth, updated_at: at },
    sealed: { ...current.sealed, ...fresh.sealed },
  };
}

export type Rotation = {
  readonly before: Pick<StoredCredential, 'sealed'>;
  readonly fresh: { readonly auth: Auth; readonly sealed: StoredCredential['sealed'] };
  /** RFC 3339. */
  readonly at: string;
};

type Resolved = { readonly auth: Auth; readonly secrets: Secrets };

function resolveAuth(params: CredentialCreate['auth'], nowUs: number): Resolved {
  switch (params.type) {
    case 'mcp_oauth':
      return resolveOauth(params, nowUs);
    case 'static_bearer': {
      const { token, ...auth } = params;
      return { auth, secrets: { token } };
    }
    case 'environment_variable': {
      const { secret_value, injection_location: sent, ...rest } = params;
      const location = sent ?? { header: true, body: true };
      return {
        auth: { ...rest, injection_location: mergeLocation({ header: false, body: false }, location) },
        secrets: { secret_value },
      };
    }
  }
}

function resolveOauth({ access_token, ...params }: ParamsOf<'mcp_oauth'>, nowUs: number): Resolved {
  const { refresh } = params;
  return {
    auth: {
      type: 'mcp_oauth',
      mcp_server_url: params.mcp_server_url,
      ...expiry(params.expires_at, nowUs),
      ...(refresh ? { refresh: resolveRefresh(refresh) } : {}),
    },
    secrets: { access_token, ...(refresh ? refreshSecrets(refresh) : {}) },
  };
}

function resolveRefresh(params: RefreshParams): Refresh {
  return {
    token_endpoint: params.token_endpoint,
    client_id: params.client_id,
    // An empty one asks for nothing, as on update.
    ...(params.scope ? { scope: params.scope } : {}),
    ...(params.resource ? { resource: params.resource } : {}),
    token_endpoint_auth: { type: params.token_endpoint_auth.type },
  };
}

function refreshSecrets({
  refresh_token,
  token_endpoint_auth: auth,
}: RefreshParams | RefreshUpdate): Secrets {
  const client_secret = auth && 'client_secret' in auth ? auth.client_secret : null;
  return present({ refresh_token, client_secret });
}

/** Null is `absent`. */
function present(secrets: { [K in keyof Secrets]: string | null | undefined }): Secrets {
  return Object.fromEntries(Object.entries(secrets).filter(([, secret]) => secret != null));
}

function updateAuth(current: Auth, params: AuthUpdate, nowUs: number): Resolved {
  if (current.type === 'mcp_oauth' && params.type === 'mcp_oauth') {
    return updateOauth(current, params, nowUs);
  }
  if (current.type === 'static_bearer' && params.type === 'static_bearer') {
    return { auth: current, secrets: present({ token: params.token }) };
  }
  if (current.type === 'environment_variable' && params.type === 'environment_variable') {
    return updateVariable(current, params);
  }
  throw invalid(`auth.type: must be "${current.type}", the type of this credential, which cannot be changed`);
}

function updateOauth(current: AuthOf<'mcp_oauth'>, params: UpdateOf<'mcp_oauth'>, nowUs: number): Resolved {
  const refresh = params.refresh ? updateRefresh(current.refresh, params.refresh) : current.refresh;
  return {
    auth: { ...current, ...expiry(params.expires_at, nowUs), ...(refresh ? { refresh } : {}) },
    secrets: {
      ...present({ access_token: params.access_token }),
      ...(params.refresh ? refreshSecrets(params.refresh) : {}),
    },
  };
}

/** The method of the token endpoint stays, whichever of the two secret ones is sent along with a secret. */
function updateRefresh(current: Refresh | undefined, params: RefreshUpdate): Refresh {
  if (!current) {
    throw invalid(
      'auth.refresh: this credential was created without refresh; create one with it and archive this one',
    );
  }
  if (params.token_endpoint_auth && current.token_endpoint_auth.type === 'none') {
    throw invalid(
      'auth.refresh.token_endpoint_auth: this credential uses no client secret, so there is none to replace',
    );
  }
  if (params.scope == null || params.scope === (current.scope ?? '')) return current;
  const { scope: _, ...rest } = current;
  return params.scope === '' ? rest : { ...rest, scope: params.scope };
}

function updateVariable(
  current: AuthOf<'environment_variable'>,
  params: UpdateOf<'environment_variable'>,
): Resolved {
  return {
    auth: {
      ...current,
      networking: params.networking ?? current.networking,
      injection_location: mergeLocation(current.injection_location, params.injection_location ?? {}),
    },
    secrets: present({ secret_value: params.secret_value }),
  };
}

function mergeLocation(
  current: Location,
  sent: { header?: boolean | undefined; body?: boolean | undefined },
): Location {
  const merged = { header: sent.header ?? current.header, body: sent.body ?? current.body };
  if (merged.header || merged.body) return merged;
  throw invalid('auth.injection_location: at least one of header and body must be true');
}

function expiry(text: string | null | undefined, nowUs: number): { expires_at?: string } {
  if (text == null) return {};
  const atUs = parseUs(text);
  if (atUs === null) throw invalid('auth.expires_at: must be an RFC 3339 time');
  if (atUs <= nowUs) throw invalid('auth.expires_at: must be in the future');
  return { expires_at: formatUs(atUs) };
}
