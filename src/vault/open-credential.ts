import type { Clock } from '../base/clock.ts';
import { formatUs } from '../base/timestamp.ts';
import type { StoredCredential } from '../domain/collections.ts';
import type { SaveRotated } from '../domain/credential-validation.ts';
import type { SecretField } from '../domain/sealing.ts';
import type { Credential } from '../protocol/credentials.ts';
import type { RefreshOutcome, RefreshRequest } from './oauth-refresh.ts';
import { refreshTokens } from './oauth-refresh.ts';
import { createSeal, unseal } from './sealing.ts';

export type Oauth = Extract<Credential['auth'], { type: 'mcp_oauth' }>;

/** The secrets of a credential, opened one by one. */
export type OpenCredential = {
  /** `null`: it has none of this kind. Throws `Unsealable`. */
  secret(field: SecretField): string | null;
  all(): string[];
};

export function openCredential(key: Uint8Array, { credential, sealed }: StoredCredential): OpenCredential {
  const place = { vaultId: credential.vault_id, credentialId: credential.id };
  const secret = (field: SecretField): string | null => {
    const text = sealed[field];
    return text === undefined ? null : unseal(key, text, { ...place, field });
  };
  return {
    secret,
    all: () => (Object.keys(sealed) as SecretField[]).flatMap((field) => secret(field) ?? []),
  };
}

/**
 * Exchanges the refresh token of a credential for new tokens and keeps them, before anybody uses one. `null`: it
 * has no refresh token. One at a time for each credential: a refresh token may be good for one exchange only, so
 * who comes meanwhile shares it.
 */
export type Refresh = (stored: StoredCredential, save: SaveRotated) => Promise<RefreshOutcome | null>;

export type RefreshOptions = {
  readonly key: Uint8Array;
  readonly clock: Clock;
  /** For one exchange with a token endpoint. */
  readonly refreshMsMax: number;
};

export function createRefresh(options: RefreshOptions): Refresh {
  const underWay = new Map<string, Promise<RefreshOutcome | null>>();
  return (stored, save) => {
    const { id } = stored.credential;
    const running = underWay.get(id) ?? refresh(options, stored, save).finally(() => underWay.delete(id));
    underWay.set(id, running);
    return running;
  };
}

async function refresh(
  { key, clock, refreshMsMax }: RefreshOptions,
  stored: StoredCredential,
  save: SaveRotated,
): Promise<RefreshOutcome | null> {
  const { auth } = stored.credential;
  const request = auth.type === 'mcp_oauth' ? requestOf(auth, openCredential(key, stored)) : null;
  if (request === null || auth.type !== 'mcp_oauth') return null;
  const outcome = await refreshTokens(request, refreshMsMax);
  if (outcome.type === 'succeeded') await save(rotated({ key, clock, auth }, stored, outcome));
  return outcome;
}

function requestOf({ refresh }: Oauth, { secret }: OpenCredential): RefreshRequest | null {
  const refreshToken = secret('refresh_token');
  if (!refresh || refreshToken === null) return null;
  return { refresh, refreshToken, clientSecret: secret('client_secret') };
}

function rotated(
  { key, clock, auth }: Pick<RefreshOptions, 'key' | 'clock'> & { readonly auth: Oauth },
  { credential }: StoredCredential,
  tokens: RefreshOutcome & { type: 'succeeded' },
): Parameters<SaveRotated>[0] {
  const seal = createSeal(key);
  const place = { vaultId: credential.vault_id, credentialId: credential.id };
  const { expires_at: _, ...rest } = auth;
  const expires =
    tokens.expiresIn === null ? {} : { expires_at: formatUs(clock.nowUs() + tokens.expiresIn * 1_000_000) };
  return {
    auth: { ...rest, ...expires },
    sealed: {
      access_token: seal(tokens.accessToken, { ...place, field: 'access_token' }),
      ...(tokens.refreshToken === null
        ? {}
        : { refresh_token: seal(tokens.refreshToken, { ...place, field: 'refresh_token' }) }),
    },
  };
}
