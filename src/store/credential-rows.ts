import type { CompiledQuery } from 'kysely';
import type { StoredCredential } from '../domain/collections.ts';
import { credentialKey } from '../domain/credentials.ts';
import type { Credential } from '../protocol/credentials.ts';
import type { Sql } from './engines/engine.ts';
import { microseconds } from './entry-rows.ts';
import type { CredentialRow } from './tables.ts';
import { build } from './tables.ts';

export function credentialRow({ credential, sealed }: StoredCredential): CredentialRow {
  return {
    id: credential.id,
    vault_id: credential.vault_id,
    created_at_us: microseconds(credential.created_at),
    archived_at_us: credential.archived_at === null ? null : microseconds(credential.archived_at),
    purpose: credentialKey(credential.auth),
    document: JSON.stringify(credential),
    sealed: JSON.stringify(sealed),
  };
}

/** Documents are only ever written by `credentialRow`, from a Credential. */
export function credentialOf(row: { document: string }): Credential {
  return JSON.parse(row.document) as Credential;
}

export function storedCredentialOf(row: { document: string; sealed: string }): StoredCredential {
  return { credential: credentialOf(row), sealed: JSON.parse(row.sealed) as StoredCredential['sealed'] };
}

/** Of the row that `query` finds: what the rule makes of it. `null`: there is none. */
export async function changeCredential(
  tx: Sql,
  query: CompiledQuery<{ document: string; sealed: string }>,
  rule: (current: StoredCredential) => StoredCredential,
): Promise<Credential | null> {
  const [row] = await tx.all(query);
  if (!row) return null;
  const before = storedCredentialOf(row);
  const after = rule(before);
  if (after === before) return before.credential;
  const { id } = before.credential;
  await tx.run(build.updateTable('credentials').set(credentialRow(after)).where('id', '=', id).compile());
  return after.credential;
}

/** At most `credentialsPerVaultMax`: no more are let in. */
export function activeCredentials(vaultId: string) {
  return build
    .selectFrom('credentials')
    .select('document')
    .where('vault_id', '=', vaultId)
    .where('archived_at_us', 'is', null)
    .compile();
}
