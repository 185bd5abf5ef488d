import { globSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { silentLog } from '../../src/base/log.ts';
import type { SecretField } from '../../src/domain/sealing.ts';
import { readConfig } from '../../src/main/config.ts';
import { openStoreKey } from '../../src/main/master-key.ts';
import { openStore } from '../../src/store/open.ts';
import { unseal } from '../../src/vault/sealing.ts';
import { fakeClock } from './clock.ts';

type Sealed = {
  readonly vaultId: string;
  readonly credentialId: string;
  readonly field: SecretField;
  readonly text: string;
};

/** What lies sealed in the database of a data directory. */
export function sealedIn(dataDir: string): Sealed[] {
  const database = new Database(join(dataDir, 'anthill.db'), { readonly: true });
  try {
    // Rows of our own schema.
    const rows = database.prepare('select id, vault_id, sealed from credentials order by id').all() as {
      readonly id: string;
      readonly vault_id: string;
      readonly sealed: string;
    }[];
    return rows.flatMap(({ id, vault_id, sealed }) =>
      Object.entries(JSON.parse(sealed) as Record<SecretField, string>).map(([field, text]) => ({
        vaultId: vault_id,
        credentialId: id,
        field: field as SecretField,
        text,
      })),
    );
  } finally {
    database.close();
  }
}

/** Every secret in the clear, opened as a server that starts with this environment does. */
export async function secretsIn(
  dataDir: string,
  env: Readonly<Record<string, string>> = {},
): Promise<string[]> {
  const store = await openStore({ dataDir, clock: fakeClock(), afterCommit() {} });
  try {
    const key = await openStoreKey(store, readConfig(['--data', dataDir], env, dataDir), silentLog);
    return sealedIn(dataDir)
      .map(({ text, ...place }) => unseal(key, text, place))
      .sort();
  } finally {
    await store.close();
  }
}

/** Files of a directory that hold any part of one of these texts. */
export function filesWith(dataDir: string, texts: readonly string[]): string[] {
  const partCharacters = 40;
  const parts = texts.flatMap((text) =>
    Array.from({ length: Math.floor(text.length / partCharacters) }, (_, at) =>
      text.slice(at * partCharacters, (at + 1) * partCharacters),
    ),
  );
  return globSync('**/*', { cwd: dataDir }).filter((file) => {
    const path = join(dataDir, file);
    if (!statSync(path).isFile()) return false;
    const bytes = readFileSync(path);
    return parts.some((part) => bytes.includes(part));
  });
}
