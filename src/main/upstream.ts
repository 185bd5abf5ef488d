import { createHash } from 'node:crypto';
import { networkInterfaces } from 'node:os';
import type { Access } from '../domain/organization.ts';
import type { Upstream } from './config.ts';
import { ConfigMistake } from './config.ts';

export function hashSecret(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}

/**
 * Refuses an upstream that is this server itself, or a key that Anthill issued: either would send the
 * agent's model requests round in a circle.
 */
export async function checkUpstream(
  upstream: Upstream,
  listening: { host: string; port: number },
  access: Pick<Access, 'apiKey'>,
): Promise<void> {
  if (isSelf(new URL(upstream.baseUrl), listening)) {
    throw new ConfigMistake(
      `the upstream ${upstream.baseUrl} is this server itself; set ANTHILL_UPSTREAM_BASE_URL to a model provider`,
    );
  }
  if (upstream.apiKey !== null && (await access.apiKey(hashSecret(upstream.apiKey))) !== null) {
    throw new ConfigMistake(
      'the upstream key (ANTHILL_UPSTREAM_API_KEY or ANTHROPIC_API_KEY) is a key of this Anthill server; it needs the key of a model provider',
    );
  }
}

function isSelf(url: URL, { host, port }: { host: string; port: number }): boolean {
  const upstreamPort = Number(url.port || (url.protocol === 'https:' ? 443 : 80));
  if (upstreamPort !== port) return false;
  const name = url.hostname.replace(/^\[|\]$/g, '').toLowerCase();
  return (
    name === host ||
    name === 'localhost' ||
    name.endsWith('.localhost') ||
    /^127\./.test(name) ||
    ownAddresses().has(name)
  );
}

function ownAddresses(): ReadonlySet<string> {
  const own = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return new Set([...own.map((address) => address.address), '0.0.0.0', '::', '::1']);
}
