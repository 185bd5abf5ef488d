import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { exportAll } from '../../src/main/moving/export.ts';
import { importAll } from '../../src/main/moving/import.ts';
import { rowsOf, storedLinesOf } from '../support/archives.ts';
import { createIo } from '../support/cli-io.ts';
import type { Place } from '../support/command-line.ts';
import { createPlace } from '../support/command-line.ts';
import type { Known } from '../support/known-things.ts';
import { knownThings } from '../support/known-things.ts';
import { sharedPostgres } from '../support/postgres.ts';
import type { ServerHome, ServerProcess } from '../support/server.ts';
import { serverHome } from '../support/server.ts';
import { contents } from '../support/server-contents.ts';
import { openSession, say } from '../support/server-sessions.ts';

type Variables = Readonly<Record<string, string>>;
type Command = typeof exportAll;

const env = {
  ANTHILL_MASTER_KEY: randomBytes(32).toString('base64'),
  ANTHILL_API_KEY: 'sk-ant-of-all-servers',
};
const onSqlite = { ...env, DATABASE_URL: '' };
/** Goes to a file of its own, where bodies do. */
const long = 'words '.repeat(12_000);

describe('anthill export and import', () => {
  let place: Place;
  let known: Known;
  let sessionIds: readonly [string, string] = ['', ''];
  let there: unknown;
  let archive = '';
  const homes: ServerHome[] = [];

  before(async () => {
    place = createPlace();
    archive = join(place.folder, 'all.archive');
    const source = newHome();
    const server = await source.start(onSqlite);
    known = await knownThings(server.client);
    await server.client.files.upload({ file: new File([randomBytes(1024 * 1024)], 'noise') });
    const { id } = await openSession(server.client);
    await say(server.client, id, 'run `echo kept > note.txt; ln -s note.txt link`');
    await say(server.client, id, `run \`cp note.txt /mnt/session/outputs/out.txt\` ${long} \u0000`);
    sessionIds = [id, known['session_id'] ?? ''];
    there = await seen(server);
    await refused(exportAll, [archive, '--data', source.dataDir], /another Anthill process is using/);
    assert.equal(await server.stop(), 0);
    await done(exportAll, [archive, '--data', source.dataDir], /^Exported \d+ rows \(3 sessions\), \d+ con/);
    await refused(exportAll, [archive, '--data', source.dataDir], /is there already/);
  });
  after(async () => {
    for (const home of homes) await home.remove();
    place.remove();
  });

  function newHome(): ServerHome {
    const home = serverHome();
    homes.push(home);
    return home;
  }
  const newDatabase = async () => ({ DATABASE_URL: await (await sharedPostgres()).newDatabase() });

  async function done(command: Command, args: readonly string[], says: RegExp, more: Variables = {}) {
    const io = createIo({ env: { ...env, ...more } });
    assert.equal(await command(args, { ...io, cwd: place.folder }), 0);
    assert.match(io.stdout.text, says);
  }

  async function refused(command: Command, args: readonly string[], says: RegExp, more: Variables = {}) {
    const io = createIo({ env: { ...env, ...more } });
    await assert.rejects(async () => command(args, { ...io, cwd: place.folder }), { message: says });
    assert.equal(io.stdout.text, '');
  }

  /** Everything that clients see, with content. */
  async function seen(server: ServerProcess): Promise<unknown> {
    const { beta, files } = server.client;
    const scope = { scope_id: sessionIds[0], betas: ['managed-agents-2026-04-01'] };
    const outputs = (await beta.files.list(scope)).data;
    const texts = await Promise.all(outputs.map(async ({ id }) => (await files.download(id)).text()));
    const skill = known['skill_id'] ?? '';
    const archives = await beta.skills.versions.list(skill);
    const store = known['memory_store_id'] ?? '';
    return [
      await contents(server, sessionIds),
      [outputs.map(({ filename }) => filename), texts],
      archives.data,
      (await beta.vaults.credentials.list(known['vault_id'] ?? '')).data,
      (await beta.memoryStores.memories.list(store, { view: 'full' })).data,
    ];
  }

  async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
    for (let looks = 0; !(await holds()); looks++) {
      assert.ok(looks < 1_000, 'it never happens');
      await sleep(20);
    }
  }

  test('move everything to PostgreSQL and back, to the last byte, and sessions go on with their files', async () => {
    const database = await newDatabase();
    const unused = ['--data', join(place.folder, 'unused')];
    await done(importAll, [archive, ...unused], /was read back/, database);
    const second = join(place.folder, 'second.archive');
    await done(exportAll, [second, ...unused], /^Exported/, database);
    assert.deepEqual(storedLinesOf(second), storedLinesOf(archive));

    const [id] = sessionIds;
    const onPostgres = await newHome().start({ ...env, ...database });
    assert.deepEqual(await seen(onPostgres), there);
    const said = JSON.stringify(await say(onPostgres.client, id, 'run `cat link; echo more >> note.txt`'));
    assert.match(said, /kept/);
    const snapshot = `select generation from session_snapshots where session_id = '${id}'`;
    await until(async () => (await rowsOf(database.DATABASE_URL, snapshot))[0]?.['generation'] === '2');

    // Through a pipe, while the server runs.
    const back = newHome();
    const bin = `${process.execPath} ${join(import.meta.dirname, '../../bin/anthill.js')}`;
    const { stderr, stdout } = await place.shell(
      `DATABASE_URL='${database.DATABASE_URL}' ${bin} export - | ${bin} import - --data ${back.dataDir}`,
      env,
    );
    assert.match(stderr, /^Exported \d+ rows \(3 sessions\)/);
    assert.match(stdout, /^Imported \d+ rows \(3 sessions\).*was read back/);
    const server = await back.start(onSqlite);
    assert.deepEqual(await seen(server), await seen(onPostgres));
    assert.match(JSON.stringify(await say(server.client, id, 'run `cat note.txt`')), /kept\\nmore/);
  });

  test('an archive that is cut off, damaged or none is refused, and nothing of it is there', async () => {
    const bytes = readFileSync(archive);
    const flipped = Buffer.from(bytes);
    const middle = Math.floor(bytes.length / 2);
    flipped[middle] = (flipped[middle] ?? 0) ^ 1;
    const path = join(place.folder, 'bad.archive');
    const dataDir = join(place.folder, 'refused');
    for (const [bad, says] of [
      [bytes.subarray(0, 200), /^the archive is cut off: its end is missing; nothing was imported$/],
      [bytes.subarray(0, middle), /^the archive is cut off/],
      [bytes.subarray(0, -1), /^the archive is cut off/],
      [flipped, /^the archive is damaged: .*; nothing was imported$/],
      [Buffer.concat([bytes, bytes]), /^the archive is damaged: .*; nothing was imported$/],
      [Buffer.from('no archive'), /^the archive is damaged: its compression is broken/],
    ] as const) {
      writeFileSync(path, bad);
      await refused(importAll, [path, '--data', dataDir], says);
    }
    for (const folder of ['files', 'blobs', 'sessions'])
      assert.deepEqual(filesIn(join(dataDir, folder)), [], folder);
    // What was refused is no data: the whole one goes in, once.
    await done(importAll, [archive, '--data', dataDir], /was read back/);
    await refused(importAll, [archive, '--data', dataDir], /there is data of an Anthill server already/);
  });

  function filesIn(directory: string): string[] {
    if (!existsSync(directory)) return [];
    const entries = readdirSync(directory, { recursive: true, withFileTypes: true });
    return entries.filter((entry) => !entry.isDirectory()).map(({ name }) => name);
  }

  test('without the master key of the server that it is from nothing is imported', async () => {
    const args = [archive, '--data', join(place.folder, 'keyless')];
    const other = randomBytes(32).toString('base64');
    for (const [ANTHILL_MASTER_KEY, says] of [
      ['', /sealed with the master key of the server that it is from; set ANTHILL_MASTER_KEY/],
      [other, /is not the one that the secrets of the archive are sealed with/],
    ] as const)
      await refused(importAll, args, says, { ANTHILL_MASTER_KEY });
    assert.ok(!existsSync(join(place.folder, 'keyless')));
  });
});
