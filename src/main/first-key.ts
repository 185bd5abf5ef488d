import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { newId, randomToken } from '../base/ids.ts';
import type { ApiKeys } from '../domain/collections.ts';
import type { Config } from './config.ts';
import { hashSecret } from './upstream.ts';

/** How the command line finds the local server: a 0600 file in the data directory. */
export type ServerFile = { readonly base_url: string; readonly api_key: string };

export function serverFilePath(dataDir: string): string {
  return join(dataDir, 'server.json');
}

/** The preset key, the one of the last start, or a new one. The store keeps only its hash. */
export async function firstKey(
  config: Config,
  keys: ApiKeys,
  at: { workspaceId: string; nowUs: number },
): Promise<string> {
  const secret = config.apiKey ?? keptKey(config.dataDir) ?? `sk-anthill-${randomToken(43)}`;
  const { workspaceId, nowUs } = at;
  const key = { id: newId('apikey'), workspaceId, name: 'first key', createdAtUs: nowUs };
  await keys.insert(key, hashSecret(secret));
  return secret;
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
