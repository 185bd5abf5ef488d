import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, test } from 'node:test';
import Database from 'better-sqlite3';
import { CompiledQuery } from 'kysely';
import type { Subject } from '../../test/contract/subject.ts';
import { answer, environment, goOn, openSubject } from '../../test/contract/subject.ts';
import { fakeClock } from '../../test/support/clock.ts';
import { checkLog } from '../../test/support/log-checks.ts';
import { DirectoryInUse } from './data-directory.ts';
import { openSqlite } from './engines/sqlite.ts';
import { migrate } from './migrations.ts';
import type { Store } from './open.ts';
import { openStore } from './open.ts';

const directories: string[] = [];

function newDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'anthill-open-'));
  directories.push(directory);
  return directory;
}

afterEach(() => {
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true, force: true });
});

const open = (dataDir: string): Promise<Store> =>
  openStore({ dataDir, clock: fakeClock(), afterCommit() {} });
const openFirst = (dataDir: string): Promise<Subject> =>
  openSubject((options) => openStore({ dataDir, ...options }));

/** What the database says of itself, read from outside. */
function dump(dataDir: string): unknown {
  const database = new Database(join(dataDir, 'anthill.db'), { readonly: true });
  const rows = [
    database.prepare('select type, name, sql from sqlite_master order by name').all(),
    database.prepare('select * from schema_version').all(),
    database.prepare('select * from environments').all(),
  ];
  database.close();
  return rows;
}

describe('a store opened again on its directory', () => {
  test('has every session in the state it was left in', async () => {
    const dataDir = newDirectory();
    const first = await openFirst(dataDir);
    const ids = ['sesn_1', 'sesn_2'];
    for (const id of ids) {
      await first.create({ id });
      await first.send(id, '🐜'.repeat(50_000), 'small');
      await first.decide(id, goOn);
      await first.decide(id, (draft) => answer(draft, 'x'.repeat(100_000)));
    }
    await first.send('sesn_2', 'still queued');
    const states = await Promise.all(ids.map((id) => first.log.state(id)));
    await first.close();

    const second = await open(dataDir);
    for (const [index, id] of ids.entries()) {
      const state = await second.log.state(id);
      assert.ok(state);
      assert.deepEqual(state, states[index]);
      checkLog(await second.log.read(id, 0, 1000), state);
    }
    await second.close();
  });

  test('holds no lease, and the next one has a higher epoch', async () => {
    const dataDir = newDirectory();
    const first = await openFirst(dataDir);
    await first.create();
    await first.send('sesn_1', 'hello');
    first.clock.advance(1);
    assert.equal((await first.leases.claim('ada', 60_000))?.epoch, 1);
    await first.close();
    const second = await openStore({ dataDir, clock: first.clock, afterCommit() {} });
    assert.deepEqual(await second.leases.claim('bob', 60_000), {
      sessionId: 'sesn_1',
      owner: 'bob',
      epoch: 2,
    });
    await second.close();
  });

  test('has its schema as it was', async () => {
    const dataDir = newDirectory();
    const first = await open(dataDir);
    await first.workspace('wrkspc_1').collections.environments.insert(environment());
    await first.close();
    const before = dump(dataDir);
    await (await open(dataDir)).close();
    assert.deepEqual(dump(dataDir), before);
  });

  test('is refused when a newer server wrote it, which changes nothing and lets go of the directory', async () => {
    const dataDir = newDirectory();
    await (await open(dataDir)).close();
    setVersion(dataDir, 'version + 1');
    const before = dump(dataDir);
    for (let attempt = 0; attempt < 2; attempt++) {
      await assert.rejects(
        open(dataDir),
        /newer Anthill \(schema \d+, this server knows \d+\); start that version/,
      );
    }
    assert.deepEqual(dump(dataDir), before);
    setVersion(dataDir, 'version - 1');
    await (await open(dataDir)).close();
  });
});

function setVersion(dataDir: string, version: string): void {
  const database = new Database(join(dataDir, 'anthill.db'));
  database.exec(`update schema_version set version = ${version}`);
  database.close();
}

describe('the data directory', () => {
  test('is used by one store at a time', async () => {
    const dataDir = newDirectory();
    const first = await open(dataDir);
    await assert.rejects(open(dataDir), (cause) => {
      assert.ok(cause instanceof DirectoryInUse && cause.message.includes(dataDir));
      return true;
    });
    await first.workspace('wrkspc_1').collections.environments.insert(environment());
    await first.close();
    const second = await open(dataDir);
    assert.deepEqual(await second.workspace('wrkspc_1').collections.environments.get('env_1'), environment());
    await second.close();
  });

  test('is made with its parents when it is not there, and is its owner’s alone', async () => {
    const parent = newDirectory();
    const existing = join(parent, 'open to all');
    mkdirSync(existing);
    chmodSync(existing, 0o755);
    for (const dataDir of [join(parent, 'a', 'b'), existing]) {
      await (await open(dataDir)).close();
      for (const path of [dataDir, join(dataDir, 'blobs')])
        assert.equal(statSync(path).mode & 0o777, 0o700, path);
    }
  });

  for (const file of ['lock.db', 'anthill.db']) {
    test(`is not said to be in use when its ${file} is broken, nor is it kept`, async () => {
      const dataDir = newDirectory();
      writeFileSync(join(dataDir, file), 'not a database, but as long as the header of one. '.repeat(100));
      for (let attempt = 0; attempt < 2; attempt++) {
        await assert.rejects(open(dataDir), (cause) => {
          assert.ok(cause instanceof Database.SqliteError);
          assert.equal(cause.code, 'SQLITE_NOTADB');
          return true;
        });
      }
    });
  }

  test('keeps large bodies as files of their session, until it is removed', async () => {
    const dataDir = newDirectory();
    await using it = await openFirst(dataDir);
    for (const id of ['sesn_1', 'sesn_2', 'sesn_3']) await it.create({ id });
    const large = 'x'.repeat(100_000);
    for (const id of ['sesn_1', 'sesn_2']) {
      await it.send(id, large);
      await it.decide(id, goOn);
      await it.decide(id, answer);
    }
    await it.send('sesn_3', 'small');
    const files = (id: string) => readdirSync(join(dataDir, 'blobs', id)).length;
    assert.deepEqual(readdirSync(join(dataDir, 'blobs')).sort(), ['sesn_1', 'sesn_2']);
    await it.log.remove('sesn_1', () => ({ entries: [], result: null }));
    assert.deepEqual(readdirSync(join(dataDir, 'blobs')), ['sesn_2']);
    assert.equal(files('sesn_2'), 1);
  });
});

describe('data of an earlier server', () => {
  /** The schema before there were workspaces to manage, with a key and what it made. */
  async function earlier(): Promise<string> {
    const dataDir = newDirectory();
    const engine = openSqlite(join(dataDir, 'anthill.db'));
    await migrate(engine, 4);
    const statements = [
      "insert into identity (name, value) values ('workspace_id', 'wrkspc_1')",
      `insert into api_keys (id, workspace_id, name, secret_hash, created_at_us)
        values ('apikey_1', 'wrkspc_1', 'first key', 'hash', 7)`,
    ];
    for (const statement of statements) await engine.write((tx) => tx.run(CompiledQuery.raw(statement)));
    await engine.close();
    return dataDir;
  }

  test('keeps its keys, which manage the organization as they could do everything before', async () => {
    const store = await open(await earlier());
    const { access, apiKeys } = store.organization;
    const key = {
      id: 'apikey_1',
      workspaceId: 'wrkspc_1',
      isAdmin: true,
      name: 'first key',
      status: 'active',
      hint: null,
      createdAtUs: 7,
      expiresAtUs: null,
    };
    assert.deepEqual(await apiKeys.get('apikey_1'), key);
    assert.deepEqual(await access.apiKey('hash'), { key, isWorkspaceArchived: false });
    await store.close();
  });
});
