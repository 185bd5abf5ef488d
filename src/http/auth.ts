import { sha256Hex } from '../base/sha256.ts';
import type { ApiKeys } from '../domain/collections.ts';
import { Refusal } from '../protocol/refusal.ts';

/** Who sent a request: the key, and the workspace that it acts in. */
export type Caller = { readonly apiKeyId: string; readonly workspaceId: string };

export type Authenticate = (headers: Headers) => Promise<Caller>;

const knownKeysMax = 1_000;

/**
 * Who may come in: an API key in `x-api-key` or as a bearer token (spec/README.md, Request headers).
 * Keys are looked up by their SHA-256; those seen before are remembered.
 */
export function createAuthenticate(keys: ApiKeys): Authenticate {
  const known = new Map<string, Caller>();
  return async (headers) => {
    const secret = headers.get('x-api-key') ?? bearer(headers.get('authorization'));
    if (!secret) throw new Refusal('authentication', 'x-api-key header is required');
    const hash = sha256Hex(secret);
    const seen = known.get(hash);
    if (seen) return seen;
    const key = await keys.find(hash);
    if (!key) throw new Refusal('authentication', 'invalid x-api-key');
    if (known.size >= knownKeysMax) known.clear();
    const caller = { apiKeyId: key.id, workspaceId: key.workspaceId };
    known.set(hash, caller);
    return caller;
  };
}

function bearer(authorization: string | null): string | null {
  return /^Bearer (.+)$/i.exec(authorization ?? '')?.[1] ?? null;
}
