import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Client } from 'pg';
import type { SecretPlace } from '../../src/domain/sealing.ts';
import { ConfigMistake } from '../../src/main/config.ts';
import { rotateKey } from '../../src/main/rotate-key.ts';
import { checkOf, opensCheck, parseMasterKey } from '../../src/vault/master-key.ts';
import { unseal } from '../../src/vault/sealing.ts';
import { createIo } from '../support/cli-io.ts';
import type { Finished, Place } from '../support/command-line.ts';
import { createPlace } from '../support/command-line.ts';
import { sharedPostgres } from '../support/postgres.ts';
import type { ServerHome } from '../support/server.ts';
import { serverHome } from '../support/server.ts';
import { eventually } from '../support/server-processes.ts';
import { bearer, variable } from '../support/server-vaults.ts';

const newKey = () => randomBytes(32).toString('base64');
const keys = { ANTHILL_MASTER_KEY: newKey(), ANTHILL_NEW_MASTER_KEY: newKey() };
const secrets = ['a secret', 'a token'];

describe('anthill rotate-key on PostgreSQL', () => {
  let place: Place;
  let home: ServerHome;
  /** As the servers left it: each test has a copy. */
  let filled = '';
  let dataDir = '';

  before(async () => {
    place = createPlace();
    dataDir = join(place.folder, 'data');
    home = serverHome();
    filled = await (await sharedPostgres()).newDatabase();
    const env = { ANTHILL_MASTER_KEY: keys.ANTHILL_MASTER_KEY, DATABASE_URL: filled };
    const server = await home.start(env);
    const { id } = await server.client.beta.vaults.create({ display_name: 'Keys' });
    for (const auth of [bearer('https://mcp.example.com'), variable('KEY')])
      await server.client.beta.vaults.credentials.create(id, { auth });

    const { code, stderr } = await rotate(filled);
    assert.deepEqual([code, stderr], [1, 'a server runs on this database; stop it first']);
    assert.equal(await stateOf(filled), 'old');

    // One that was away while the key changed stops when it is back.
    const check = checkOf(parseMasterKey(keys.ANTHILL_NEW_MASTER_KEY) ?? Buffer.alloc(0));
    const [before] = await query(filled, `select value from identity where name = 'master_key_check'`);
    await query(filled, `update identity set value = '${check}' where name = 'master_key_check'`);
    await query(
      filled,
      `select pg_terminate_backend(pid) from pg_stat_activity
        where application_name like 'anthill server%' and datname = current_database()`,
    );
    await eventually(() => !existsSync(`/proc/${server.pid}`), 'it stops');
    assert.match(server.output(), /master_key\.changed/);
    await query(filled, `update identity set value = '${before?.['value']}' where name = 'master_key_check'`);
  });
  after(async () => {
    await home.remove();
    place.remove();
  });

  async function query(url: string, text: string): Promise<readonly Record<string, string>[]> {
    const client = new Client(url);
    await client.connect();
    return await client
      .query(text)
      .then(({ rows }) => rows)
      .finally(() => client.end());
  }

  async function copy(): Promise<string> {
    const url = new URL(await (await sharedPostgres()).newDatabase());
    const [name, template] = [url, new URL(filled)].map(({ pathname }) => pathname.slice(1));
    const other = new URL(url);
    other.pathname = '/postgres';
    await query(other.href, `drop database ${name}`);
    await query(other.href, `create database ${name} template ${template}`);
    return url.href;
  }

  async function rotate(url: string, more: Readonly<Record<string, string>> = {}): Promise<Finished> {
    const env = { ...keys, DATABASE_URL: url, ...more };
    // Who is to be killed is a process of its own.
    if (more['NODE_OPTIONS'] !== undefined)
      return await place.anthill(['rotate-key', '--data', dataDir], { env }).finished;
    const io = createIo({ env });
    const code = await rotateKey(['--data', dataDir], { ...io, cwd: place.folder }).catch((cause: Error) => {
      io.stderr.write(cause.message);
      return cause instanceof ConfigMistake ? 2 : 1;
    });
    return { code, stdout: io.stdout.text, stderr: io.stderr.text };
  }

  /** Which of the keys opens every secret and the check of the database; neither opens any that the other does. */
  async function stateOf(url: string): Promise<'old' | 'new'> {
    const [check] = await query(url, `select value from identity where name = 'master_key_check'`);
    const rows = await query(url, 'select id, vault_id, sealed from credentials');
    const sealed = rows.flatMap(({ id = '', vault_id: vaultId = '', sealed = '{}' }) =>
      Object.entries(JSON.parse(sealed) as Record<string, string>).map(
        ([field, text]) => [text, { vaultId, credentialId: id, field } as SecretPlace] as const,
      ),
    );
    const opened = Object.values(keys).map((text) => {
      const key = parseMasterKey(text) ?? Buffer.alloc(32);
      try {
        const found = sealed.map(([one, at]) => unseal(key, one, at)).sort();
        return opensCheck(key, check?.['value'] ?? '') ? found : null;
      } catch {
        return null;
      }
    });
    const found = opened.flatMap((one) => (one === null ? [] : one));
    assert.deepEqual(found, secrets);
    return opened[0] === null ? 'new' : 'old';
  }

  test('seals everything with the new key in one transaction, and may be repeated', async () => {
    const url = await copy();
    const done = await rotate(url);
    assert.deepEqual([done.code, done.stderr], [0, '']);
    assert.match(
      done.stdout,
      /^Done: 2 secrets are sealed .* From now on start the server with ANTHILL_MASTER/m,
    );
    assert.equal(await stateOf(url), 'new');
    assert.match((await rotate(url)).stdout, /sealed with this master key already: nothing to do/);
    assert.deepEqual(await query(url, `select name from identity where name = 'master_key_rotation'`), []);
    assert.ok(!existsSync(dataDir));

    // Its directory knows the old key, which does not matter.
    const server = await home.start({ ANTHILL_MASTER_KEY: keys.ANTHILL_NEW_MASTER_KEY, DATABASE_URL: url });
    assert.equal((await server.client.beta.vaults.list()).data.length, 1);
    assert.equal(await server.stop(), 0);
  });

  test('is refused without a new key, with a wrong one, and where there is no data', async () => {
    const url = await copy();
    for (const [env, code, says] of [
      [{ ANTHILL_NEW_MASTER_KEY: '' }, 2, /needs the new key: set ANTHILL_NEW_MASTER_KEY/],
      [{ ANTHILL_MASTER_KEY: '' }, 2, /set ANTHILL_MASTER_KEY to the key that the servers/],
      [{ ANTHILL_MASTER_KEY: newKey() }, 1, /is not the one of this database; nothing was changed/],
      [{ DATABASE_URL: await (await sharedPostgres()).newDatabase() }, 2, /there is no data of an Anthill/],
    ] as const) {
      const refused = await rotate(url, env);
      assert.deepEqual([refused.code, refused.stdout], [code, '']);
      assert.match(refused.stderr, says);
    }
    assert.equal(await stateOf(url), 'old');
  });

  const kills: readonly (readonly [RegExp, 'old' | 'new'])[] = [
    [/^update "identity"/, 'old'],
    [/^commit/, 'new'],
    [/^vacuum/, 'new'],
  ];
  for (const [after, state] of kills) {
    test(`killed after ${after.source.slice(1)} it leaves the ${state} key, and goes on when repeated`, async () => {
      const url = await copy();
      const killed = await rotate(url, {
        KILL_AFTER_QUERY: after.source,
        NODE_OPTIONS: `--import ${new URL('../support/kill-at-step.ts', import.meta.url)}`,
      });
      assert.deepEqual([killed.code, killed.stderr], [null, '']);
      assert.equal(await stateOf(url), state);
      assert.equal((await rotate(url)).code, 0);
      assert.equal(await stateOf(url), 'new');
      assert.deepEqual(await query(url, `select name from identity where name = 'master_key_rotation'`), []);
    });
  }
});
