import { createHash } from 'node:crypto';
import type { ApiKeys } from '../domain/collections.ts';
import { Refusal } from '../protocol/refusal.ts';

export type Authenticate = (headers: Headers) => Promise<void>;

const knownKeysMax = 1_000;

/**
 * Who may come in: an API key in `x-api-key` or as a bearer token (spec/README.md, Request headers).
 * Keys are looked up by their SHA-256; those seen before are remembered.
 */
export function createAuthenticate(keys: ApiKeys): Authenticate {
  const known = new Set<string>();
  return async (headers) => {
    const secret = headers.get('x-api-key') ?? bearer(headers.get('authorization'));
    if (!secret) throw new Refusal('authentication', 'x-api-key header is required');
    const hash = createHash('sha256').update(secret).digest('hex');
    if (known.has(hash)) return;
    if (!(await keys.find(hash))) throw new Refusal('authentication', 'invalid x-api-key');
    if (known.size >= knownKeysMax) known.clear();
    known.add(hash);
  };
}

function bearer(authorization: string | null): string | null {
  return /^Bearer (.+)$/i.exec(authorization ?? '')?.[1] ?? null;
}
