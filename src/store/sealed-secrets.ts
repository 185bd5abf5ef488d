import type { Reseal, SealedSecrets, SecretField, SecretPlace } from '../domain/sealing.ts';
import { storedCredentialOf } from './credential-rows.ts';
import type { Engine, Sql } from './engines/engine.ts';
import type { Tables } from './tables.ts';
import { build } from './tables.ts';

/** The name under which the identity keeps the mark. */
const markName = 'master_key_rotation';
/** Likewise the check, in a database that several servers use. */
const checkName = 'master_key_check';
const pageRows = 500;

type SealedTable = {
  [Name in keyof Tables]: 'sealed' extends keyof Tables[Name] ? Name : never;
}[keyof Tables];

/** Rewrites the secrets of one table. How many there were. */
type Rewrite = (tx: Sql, reseal: Reseal) => Promise<number>;

/** A table with a column `sealed` that is not here does not compile. */
const rewrites: Readonly<Record<SealedTable, Rewrite>> = {
  credentials: rewriteCredentials,
  repository_tokens: rewriteRepositoryTokens,
  deployments: rewriteDeployments,
  webhook_endpoints: rewriteWebhookEndpoints,
};

/** Throws when secrets must not be rewritten now; asked before the first one and after the last. */
export type Guard = (tx: Sql, moment: 'before' | 'after') => Promise<void>;

export function createSealedSecrets(engine: Engine, guard: Guard = async () => {}): SealedSecrets {
  return {
    rewrite(reseal, mark) {
      return engine.write(async (tx) => {
        await guard(tx, 'before');
        let count = 0;
        for (const rewrite of Object.values(rewrites)) count += await rewrite(tx, reseal);
        await forget(tx);
        await tx.run(build.insertInto('identity').values({ name: markName, value: mark }).compile());
        const check = build.updateTable('identity').set({ value: mark }).where('name', '=', checkName);
        await tx.run(check.compile());
        await guard(tx, 'after');
        return count;
      });
    },
    check: () => readIdentity(engine, checkName),
    mark: () => readIdentity(engine, markName),
    async purge() {
      await engine.compact();
      await engine.write(forget);
    },
  };
}

async function readIdentity(engine: Engine, name: string): Promise<string | null> {
  const query = build.selectFrom('identity').select('value').where('name', '=', name);
  const [row] = await engine.read.all(query.compile());
  return row?.value ?? null;
}

function forget(tx: Sql): Promise<number> {
  return tx.run(build.deleteFrom('identity').where('name', '=', markName).compile());
}

async function rewriteCredentials(tx: Sql, reseal: Reseal): Promise<number> {
  const select = build.selectFrom('credentials').select(['id', 'document', 'sealed']).orderBy('id');
  let count = 0;
  for (let after = ''; ; ) {
    const rows = await tx.all(select.where('id', '>', after).limit(pageRows).compile());
    for (const row of rows) {
      const { credential, sealed } = storedCredentialOf(row);
      const place = { vaultId: credential.vault_id, credentialId: credential.id };
      const name = `credential ${credential.id} of vault ${credential.vault_id}`;
      const fields = Object.entries(sealed) as [SecretField, string][];
      const renewed = fields.map(([field, text]) => [
        field,
        resealed(reseal, text, { name, place: { ...place, field } }),
      ]);
      count += renewed.length;
      const changes = { sealed: JSON.stringify(Object.fromEntries(renewed)) };
      await tx.run(build.updateTable('credentials').set(changes).where('id', '=', row.id).compile());
    }
    const last = rows.at(-1);
    if (!last) return count;
    after = last.id;
  }
}

async function rewriteRepositoryTokens(tx: Sql, reseal: Reseal): Promise<number> {
  const select = build
    .selectFrom('repository_tokens')
    .selectAll()
    .orderBy('session_id')
    .orderBy('resource_id');
  let count = 0;
  for (let after = { session_id: '', resource_id: '' }; ; ) {
    const { session_id, resource_id } = after;
    const page = select
      .where((row) =>
        row.or([
          row('session_id', '>', session_id),
          row.and([row('session_id', '=', session_id), row('resource_id', '>', resource_id)]),
        ]),
      )
      .limit(pageRows);
    const rows = await tx.all(page.compile());
    for (const row of rows) await rewriteToken(tx, reseal, row);
    count += rows.length;
    const last = rows.at(-1);
    if (!last) return count;
    after = last;
  }
}

async function rewriteToken(tx: Sql, reseal: Reseal, row: Tables['repository_tokens']): Promise<void> {
  const { session_id: sessionId, resource_id: resourceId } = row;
  const place = { sessionId, resourceId, field: 'authorization_token' } as const;
  const name = `the token of resource ${resourceId} of session ${sessionId}`;
  const update = build
    .updateTable('repository_tokens')
    .set({ sealed: resealed(reseal, row.sealed, { name, place }) })
    .where('session_id', '=', sessionId)
    .where('resource_id', '=', resourceId);
  await tx.run(update.compile());
}

/** Of the repositories that a deployment names, by their index. */
async function rewriteDeployments(tx: Sql, reseal: Reseal): Promise<number> {
  const select = build.selectFrom('deployments').select(['id', 'sealed']).orderBy('id');
  let count = 0;
  for (let after = ''; ; ) {
    const rows = await tx.all(select.where('id', '>', after).limit(pageRows).compile());
    for (const row of rows) {
      const tokens = Object.entries(JSON.parse(row.sealed) as Readonly<Record<string, string>>);
      const renewed = tokens.map(([index, text]) => {
        const place = { deploymentId: row.id, index, field: 'authorization_token' } as const;
        const name = `the token of resource ${index} of deployment ${row.id}`;
        return [index, resealed(reseal, text, { name, place })];
      });
      count += renewed.length;
      const changes = { sealed: JSON.stringify(Object.fromEntries(renewed)) };
      await tx.run(build.updateTable('deployments').set(changes).where('id', '=', row.id).compile());
    }
    const last = rows.at(-1);
    if (!last) return count;
    after = last.id;
  }
}

async function rewriteWebhookEndpoints(tx: Sql, reseal: Reseal): Promise<number> {
  const select = build.selectFrom('webhook_endpoints').select(['id', 'sealed']).orderBy('id');
  let count = 0;
  for (let after = ''; ; ) {
    const rows = await tx.all(select.where('id', '>', after).limit(pageRows).compile());
    for (const row of rows) {
      const place = { webhookEndpointId: row.id, field: 'signing_secret' } as const;
      const name = `the signing secret of webhook endpoint ${row.id}`;
      const changes = { sealed: resealed(reseal, row.sealed, { name, place }) };
      await tx.run(build.updateTable('webhook_endpoints').set(changes).where('id', '=', row.id).compile());
    }
    count += rows.length;
    const last = rows.at(-1);
    if (!last) return count;
    after = last.id;
  }
}

function resealed(
  reseal: Reseal,
  text: string,
  { name, place }: { readonly name: string; readonly place: SecretPlace },
): string {
  try {
    return reseal(text, place);
  } catch (cause) {
    throw new Error(
      `${name} cannot be opened with the current key, so nothing was changed; delete it and try again`,
      { cause },
    );
  }
}
