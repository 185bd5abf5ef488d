import type { Clock } from '../base/clock.ts';
import { formatUs, parseUs } from '../base/timestamp.ts';
import type { StoredCredential } from '../domain/collections.ts';
import { withRotated } from '../domain/credentials.ts';
import { tokenRefreshAheadMs, tokenRefreshRestMs } from '../domain/limits.ts';
import type { McpTokens } from '../domain/mcp.ts';
import type { SessionCredentials } from '../domain/session-credentials.ts';
import type { Refresh } from './open-credential.ts';
import { openCredential } from './open-credential.ts';

export type McpTokenOptions = {
  readonly key: Uint8Array;
  readonly credentials: SessionCredentials;
  readonly refresh: Refresh;
  readonly clock: Clock;
};

/** Looked up for each request: who rotates, archives or deletes a credential is heard at once. */
export function createMcpTokens({ key, credentials, refresh, clock }: McpTokenOptions): McpTokens {
  const tokenOf = (stored: StoredCredential) => {
    const { secret } = openCredential(key, stored);
    return secret(stored.credential.auth.type === 'static_bearer' ? 'token' : 'access_token');
  };

  /** When an exchange failed last, microseconds, by credential: not every request may wait for the next. */
  const failedAtUs = new Map<string, number>();

  function isEnding({ credential: { id, auth } }: StoredCredential): boolean {
    const endsUs = auth.type === 'mcp_oauth' && auth.expires_at ? parseUs(auth.expires_at) : null;
    const restsUntilUs = (failedAtUs.get(id) ?? Number.NEGATIVE_INFINITY) + tokenRefreshRestMs * 1000;
    return (
      endsUs !== null && clock.nowUs() >= restsUntilUs && endsUs - clock.nowUs() < tokenRefreshAheadMs * 1000
    );
  }

  return {
    async tokenFor(url, vaultIds, rejected) {
      const stored = await credentials.forServer(url, vaultIds);
      if (!stored) return null;
      const token = tokenOf(stored);
      const isStale = rejected === null ? isEnding(stored) : token === rejected;
      if (token !== null && !isStale) return token;
      const save = (fresh: Parameters<Parameters<Refresh>[1]>[0]) =>
        credentials.change(stored.credential, (current) =>
          withRotated(current, { before: stored, fresh, at: formatUs(clock.nowUs()) }),
        );
      const outcome = await refresh(stored, save);
      if (outcome?.type === 'succeeded') return outcome.accessToken;
      // An old token may still be taken, if its server does not mind.
      failedAtUs.set(stored.credential.id, clock.nowUs());
      return token;
    },
  };
}
