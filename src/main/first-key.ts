import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { newId } from '../base/ids.ts';
import { newApiKeySecret } from '../base/secrets.ts';
import type { StoredKey } from '../domain/api-keys.ts';
import { isUsable, secretHint } from '../domain/api-keys.ts';
import type { Organization } from '../domain/organization.ts';
import type { Config } from './config.ts';
import { hashSecret } from './upstream.ts';

/** How the command line finds the local server: a 0600 file in the data directory. */
export type ServerFile = { readonly base_url: string; readonly api_key: string };

export function serverFilePath(dataDir: string): string {
  return join(dataDir, 'server.json');
}

export type FirstKey = { readonly secret: string; readonly key: StoredKey };

/**
 * The key of who runs the server: the preset one, the one of the last start, or a new one, each an admin's. One of
 * the last start that was disabled since is replaced: who can start the server is never locked out. A preset one
 * stays as it is, whatever was made of it. The store keeps only hashes.
 */
export async function firstKey(
  config: Pick<Config, 'apiKey' | 'dataDir'>,
  { access, apiKeys }: Pick<Organization, 'access' | 'apiKeys'>,
  { workspaceId, nowUs }: { workspaceId: string; nowUs: number },
): Promise<FirstKey> {
  const given = config.apiKey ?? keptKey(config.dataDir);
  const known = given === null ? null : await access.apiKey(hashSecret(given));
  if (given !== null && known && (config.apiKey !== null || isFit(known.key, nowUs)))
    return { secret: given, key: known.key };
  const secret = given === null || known ? newApiKeySecret() : given;
  const key: StoredKey = {
    id: newId('apikey'),
    workspaceId,
    isAdmin: true,
    name: 'first key',
    status: 'active',
    hint: secretHint(secret),
    createdAtUs: nowUs,
    expiresAtUs: null,
  };
  await apiKeys.insert(key, hashSecret(secret), () => {});
  return { secret, key };
}

/** Whether a key can do what the first one is for. */
export function isFit(key: StoredKey, nowUs: number): boolean {
  return key.isAdmin && isUsable(key, nowUs);
}

function keptKey(dataDir: string): string | null {
  const path = serverFilePath(dataDir);
  if (!existsSync(path)) return null;
  try {
    const file: unknown = JSON.parse(readFileSync(path, 'utf8'));
    const key = typeof file === 'object' && file !== null ? Reflect.get(file, 'api_key') : null;
    return typeof key === 'string' && key !== '' ? key : null;
  } catch {
    // A file that was cut short by a crash is replaced like a missing one.
    return null;
  }
}

export function writeServerFile(dataDir: string, file: ServerFile): void {
  const path = serverFilePath(dataDir);
  const temporary = `${path}.new`;
  // A file that is already there would keep its own mode.
  rmSync(temporary, { force: true });
  writeFileSync(temporary, `${JSON.stringify(file, null, 2)}\n`, { mode: 0o600, flag: 'wx' });
  renameSync(temporary, path);
}
