import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { cpSync, existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import Database from 'better-sqlite3';
import { backup } from '../../src/main/moving/backup.ts';
import { backUp as backUpStore } from '../../src/store/backup.ts';
import { createIo } from '../support/cli-io.ts';
import type { Place } from '../support/command-line.ts';
import { createPlace } from '../support/command-line.ts';
import type { Known } from '../support/known-things.ts';
import { knownThings } from '../support/known-things.ts';
import { all } from '../support/sdk-calls.ts';
import type { ServerHome, ServerProcess } from '../support/server.ts';
import { serverHome } from '../support/server.ts';
import { contents } from '../support/server-contents.ts';
import { openSession, say } from '../support/server-sessions.ts';

const key = { ANTHILL_MASTER_KEY: randomBytes(32).toString('base64'), DATABASE_URL: '' };

describe('anthill backup', () => {
  let place: Place;
  let home: ServerHome;
  let server: ServerProcess;
  let known: Known;
  let sessionId = '';
  let directory = '';

  before(async () => {
    place = createPlace();
    directory = join(place.folder, 'backup');
    home = serverHome();
    server = await home.start({ ...key, ANTHILL_API_KEY: 'sk-ant-of-both' });
    known = await knownThings(server.client);
    ({ id: sessionId } = await openSession(server.client));
    await say(server.client, sessionId, `run \`echo first > note.txt\` ${'words '.repeat(12_000)}`);
  });
  after(async () => {
    await home.remove();
    place.remove();
  });

  async function backUp(env: Readonly<Record<string, string>> = key) {
    const io = createIo({ env });
    await backup([directory, '--data', home.dataDir], { ...io, cwd: place.folder });
    return io.stdout.text;
  }

  const filesOf = (folder: string) =>
    existsSync(folder)
      ? readdirSync(folder, { recursive: true, withFileTypes: true })
          .filter((entry) => entry.isFile())
          .map(({ name }) => name)
      : [];

  /** Everything that the database of the backup names is there, and nothing else. */
  function assertWhole(): void {
    const database = new Database(join(directory, 'anthill.db'), { readonly: true });
    const names = (text: string) => database.prepare(text).pluck().all() as string[];
    const contents = names(
      'select sha256 from files where sha256 is not null union select sha256 from skill_versions',
    );
    const bodies = names("select distinct substr(body, 2) from entries where body like '@%'");
    database.close();
    assert.deepEqual(filesOf(join(directory, 'files')).sort(), contents.sort());
    assert.deepEqual(filesOf(join(directory, 'blobs')).sort(), bodies.sort());
  }

  test('copies what a server has while it goes on, again and again, and the copy is a data directory', async () => {
    assert.match(await backUp(), /the database, \d+ new contents \(0 were there\), files of 3 sandboxes/);
    assertWhole();
    await server.client.files.delete(known['file_id'] ?? '');
    await say(server.client, sessionId, 'run `echo second >> note.txt`');
    assert.match(await backUp(), /the database, 0 new contents \(\d+ were there\)/);
    assertWhole();
    const there = await contents(server, [sessionId]);
    await say(server.client, sessionId, 'run `echo third >> note.txt`');

    const restored = serverHome();
    cpSync(directory, restored.dataDir, { recursive: true });
    try {
      // Of what is archived nothing is kept.
      writeFileSync(join(restored.dataDir, 'anthill.yaml'), 'retention: { sandboxes_days: 0 }\n');
      const again = await restored.start({ ...key, ANTHILL_API_KEY: 'sk-ant-of-both' });
      assert.deepEqual(await contents(again, [sessionId]), there);
      const said = JSON.stringify(await say(again.client, sessionId, 'run `cat note.txt`'));
      assert.match(said, /first\\nsecond/);
      assert.doesNotMatch(said, /third/);
      await again.client.beta.sessions.archive(sessionId);
      assert.equal(await again.stop(), 0);
      assert.ok(existsSync(join(restored.dataDir, 'sessions', sessionId)));
      const third = await restored.start({ ...key, ANTHILL_API_KEY: 'sk-ant-of-both' });
      const left = () => readdirSync(join(restored.dataDir, 'sessions'));
      for (let looks = 0; left().includes(sessionId); looks++) {
        assert.ok(looks < 500, 'it stays');
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      assert.ok(left().includes(known['session_id'] ?? ''));
      assert.deepEqual(third.errors(), []);
      const { length: before } = await all(third.client.beta.sessions.list({ include_archived: true }));
      assert.equal(await third.stop(), 0);
      writeFileSync(join(restored.dataDir, 'anthill.yaml'), 'retention: { archived_sessions_days: 0 }\n');
      const { client } = await restored.start({ ...key, ANTHILL_API_KEY: 'sk-ant-of-both' });
      const isThere = () =>
        client.beta.sessions.retrieve(sessionId).then(
          () => true,
          (cause) => cause.status !== 404,
        );
      for (let looks = 0; await isThere(); looks++) assert.ok(looks < 500, 'it stays');
      const rest = await all(client.beta.sessions.list({ include_archived: true }));
      assert.equal(rest.length, before - 1);
    } finally {
      await restored.remove();
    }
  });

  test('holds together while files come and go', async () => {
    let isDone = false;
    const traffic = (async () => {
      while (!isDone) {
        const file = new File([randomBytes(1_000)], 'noise');
        const { id } = await server.client.files.upload({ file });
        if (Number.parseInt(id.slice(-1), 36) % 3 > 0) await server.client.files.delete(id);
      }
    })();
    for (let run = 0; run < 5; run++) {
      await backUp();
      assertWhole();
    }
    isDone = true;
    await traffic;
  });

  test('leaves the one before whole when it ends in its middle', async () => {
    const { id } = await server.client.files.upload({ file: new File(['kept in the backup'], 'a.txt') });
    await backUp();
    await server.client.files.delete(id);
    await server.client.files.upload({ file: new File(['not in the backup'], 'b.txt') });
    const before = filesOf(join(directory, 'files'));
    const paths = { dataDir: home.dataDir, filesDir: join(home.dataDir, 'files'), directory };
    const fails = async () => {
      throw new Error('no room');
    };
    await assert.rejects(backUpStore({ ...paths, copyWorkspace: fails }), /no room/);
    // What is new came along; what the older one names is still there.
    const left = filesOf(join(directory, 'files'));
    assert.deepEqual([before.filter((name) => !left.includes(name)), left.length], [[], before.length + 1]);
    await backUp();
    assertWhole();
  });

  test('is refused where it makes no sense', async () => {
    await assert.rejects(
      backUp({ ...key, DATABASE_URL: 'postgres://x@localhost/y' }),
      /backed up by pg_dump/,
    );
    directory = join(home.dataDir, 'backup');
    await assert.rejects(backUp(), /cannot be inside of what it is a copy of/);
  });
});
