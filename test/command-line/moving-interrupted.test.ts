import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join, relative } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { backup } from '../../src/main/moving/backup.ts';
import { exportAll } from '../../src/main/moving/export.ts';
import { importAll } from '../../src/main/moving/import.ts';
import { rotateKey } from '../../src/main/rotate-key.ts';
import { changeArchive, linesOf, rowsOf, storedLinesOf } from '../support/archives.ts';
import { createIo } from '../support/cli-io.ts';
import type { Place, Running } from '../support/command-line.ts';
import { createPlace } from '../support/command-line.ts';
import { generator } from '../support/generator.ts';
import { knownThings } from '../support/known-things.ts';
import { sharedPostgres, startPostgres } from '../support/postgres.ts';
import type { ServerHome } from '../support/server.ts';
import { serverHome } from '../support/server.ts';
import { openSession, say } from '../support/server-sessions.ts';

type Command = typeof exportAll;

const env = {
  ANTHILL_MASTER_KEY: randomBytes(32).toString('base64'),
  ANTHILL_NEW_MASTER_KEY: randomBytes(32).toString('base64'),
  ANTHILL_API_KEY: 'sk-ant-of-all-servers',
  DATABASE_URL: '',
  ANTHILL_FILES: '',
};
/** Goes to a file of its own, where bodies do. */
const long = 'words '.repeat(12_000);
const decisions = 12_000;
const kills = Number(process.env['IMPORT_KILLS'] ?? 14);
const seed = Number(process.env['IMPORT_SEED'] ?? 1);

/** A place that is imported into. */
type Target = {
  readonly home: ServerHome;
  readonly env: typeof env;
  /** How many lines of an archive are there while an import is not finished; 0 before and after. */
  lines(): Promise<number>;
  /** Of content in the database. */
  chunks(): Promise<number>;
  change(statement: string): Promise<unknown>;
  /** Of contents that nobody has published: how many there are. */
  staged(): Promise<number>;
  /** Of a content that has been imported. */
  spoilContent(): Promise<unknown>;
  loseContent(): Promise<unknown>;
};

const engines = {
  async SQLite(home: ServerHome): Promise<Target> {
    const path = join(home.dataDir, 'anthill.db');
    return {
      home,
      env,
      async lines() {
        if (!existsSync(path)) return 0;
        const database = new Database(path, { readonly: true });
        try {
          return Number(database.prepare('select lines from imports').pluck().get() ?? 0);
        } catch {
          // There are no tables yet.
          return 0;
        } finally {
          database.close();
        }
      },
      chunks: async () => 0,
      async change(statement) {
        const database = new Database(path);
        database.prepare(statement).run();
        database.close();
      },
      staged: async () => stagedAt(home.dataDir).length,
      async spoilContent() {
        const content = join(home.dataDir, 'files', contentsAt(home.dataDir)[0] ?? '');
        writeFileSync(content, randomBytes(statSync(content).size));
      },
      async loseContent() {
        rmSync(join(home.dataDir, 'files', contentsAt(home.dataDir)[0] ?? ''));
      },
    };
  },
  PostgreSQL: async (home: ServerHome) => targetOn(await (await sharedPostgres()).newDatabase(), home),
  async 'PostgreSQL with content in a directory'(home: ServerHome): Promise<Target> {
    const target = targetOn(await (await sharedPostgres()).newDatabase(), home);
    return { ...target, env: { ...target.env, ANTHILL_FILES: join(home.dataDir, 'files') } };
  },
} as const;

const stagedChunks = "select count(distinct key) as count from content_chunks where key like 'staged.%'";
const ofOneContent = 'where key = (select min(sha256) from files where size_bytes > 0)';

function targetOn(url: string, home: ServerHome): Target {
  const lines = () => rowsOf(url, 'select lines from imports').catch(() => []);
  const chunks = () => rowsOf(url, 'select count(*) as count from content_chunks');
  return {
    home,
    env: { ...env, DATABASE_URL: url },
    lines: async () => Number((await lines())[0]?.['lines'] ?? 0),
    chunks: async () => Number((await chunks())[0]?.['count']),
    change: (statement) => rowsOf(url, statement),
    staged: async () =>
      Number((await rowsOf(url, stagedChunks))[0]?.['count']) + stagedAt(home.dataDir).length,
    spoilContent: () => rowsOf(url, `update content_chunks set bytes = decode('00', 'hex') ${ofOneContent}`),
    loseContent: () => rowsOf(url, `delete from content_chunks ${ofOneContent}`),
  };
}

describe('an import that is interrupted', () => {
  let place: Place;
  let archive = '';
  let later = '';
  let sessionId = '';
  let sourceDir = '';
  const homes: ServerHome[] = [];

  before(async () => {
    place = createPlace();
    archive = join(place.folder, 'all.archive');
    later = join(place.folder, 'later.archive');
    const source = newHome();
    sourceDir = source.dataDir;
    const server = await source.start(env);
    await knownThings(server.client);
    for (let at = 0; at < 40; at++)
      await server.client.files.upload({ file: new File([randomBytes(20_000 * (at % 7))], `noise-${at}`) });
    const { id } = await openSession(server.client);
    await say(server.client, id, 'run `echo kept > note.txt`');
    await say(server.client, id, `run \`head -c 900000 /dev/urandom > noise\` ${long} \u0000`);
    sessionId = id;
    assert.equal(await server.stop(), 0);
    addDecisions(source.dataDir, id);
    await done(exportAll, [archive, '--data', source.dataDir], /^Exported/);
    await done(exportAll, [later, '--data', source.dataDir], /^Exported/);
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

  async function run(command: Command, args: readonly string[], variables: Partial<typeof env> = {}) {
    const io = createIo({ env: { ...env, ...variables } });
    const code = await command(args, { ...io, cwd: place.folder });
    return { code, stdout: io.stdout.text, stderr: io.stderr.text };
  }
  async function done(
    command: Command,
    args: readonly string[],
    says: RegExp,
    more: Partial<typeof env> = {},
  ) {
    const { code, stdout, stderr } = await run(command, args, more);
    assert.equal(code, 0);
    assert.match(stdout, says);
    return stderr;
  }
  async function refused(
    command: Command,
    args: readonly string[],
    says: RegExp,
    more: Partial<typeof env> = {},
  ) {
    await assert.rejects(() => run(command, args, more), { message: says });
  }

  /** An import that cannot come to its end: the last bytes of its archive are missing, and it waits for them. */
  function endless(target: Target): Running {
    const running = place.anthill(['import', '-', '--data', target.home.dataDir], {
      env: target.env,
      stdin: 'pipe',
    });
    running.process.stdin?.on('error', () => undefined).write(readFileSync(archive).subarray(0, -10));
    return running;
  }

  async function kill({ process, finished }: Running): Promise<void> {
    process.kill('SIGKILL');
    assert.deepEqual((await finished).code, null);
  }

  async function reached(target: Target, running: Running, lines: number): Promise<void> {
    while ((await target.lines()) < lines) {
      assert.equal(running.process.exitCode, null, 'it ended by itself');
      await sleep(1);
    }
  }

  /** Kills an import as soon as so many lines are there. */
  async function killedAt(target: Target, lines: number, more = () => 0): Promise<number> {
    const running = endless(target);
    await reached(target, running, lines);
    await sleep(more());
    await kill(running);
    return await target.lines();
  }

  /** What is stored is what the archive has, and sessions go on with their files. */
  async function assertImported(target: Target, from = archive): Promise<void> {
    const again = join(place.folder, `${randomBytes(8).toString('hex')}.archive`);
    await done(exportAll, [again, '--data', target.home.dataDir], /^Exported/, target.env);
    assert.deepEqual(storedLinesOf(again), storedLinesOf(from));
    const server = await target.home.start(target.env);
    const said = JSON.stringify(await say(server.client, sessionId, 'run `cat note.txt; wc -c noise`'));
    assert.match(said, /kept\\n900000/);
    assert.equal(await server.stop(), 0);
  }

  for (const [name, open] of Object.entries(engines)) {
    test(`goes on where it was, killed ${kills} times: ${name}`, async () => {
      const target = await open(newHome());
      const random = generator(seed);
      let there = 0;
      for (const point of killPoints(linesOf(archive), random)) {
        const lines = await killedAt(target, Math.max(point, there), () => random() * 30);
        assert.ok(lines >= there, `of ${there} lines ${lines} are left`);
        if (isAlone(target)) assert.ok((await target.staged()) <= 1, 'what died before is left');
        there = lines;
      }
      const args = [archive, '--data', target.home.dataDir];
      const said = await done(importAll, args, /^Imported \d+ rows .* was read back/, target.env);
      assert.match(said, /^Going on where an import of this archive was: \d+ rows are there/);
      assert.equal(await target.lines(), 0);
      await refused(importAll, args, /there is data of an Anthill server already/, target.env);
      await assertTidy(target);
      await assertImported(target);
    });

    test(`is begun anew with --restart, with another archive and from an end that broke off: ${name}`, async () => {
      const target = await open(newHome());
      const { dataDir } = target.home;
      const args = ['--data', dataDir];
      // What was there before is not the import's to take away.
      const kept = filesIn(join(sourceDir, 'files'))[0] ?? '';
      cpSync(join(sourceDir, 'files', kept), join(dataDir, 'files', kept));
      const pointOfContent = linesOf(archive).findIndex((line) => line.startsWith('{"workspace"')) - 1;
      await killedAt(target, pointOfContent);
      // The next one is not finished either: it has some rows, and no content.
      const broken = place.anthill(['import', '-', ...args, '--restart'], { env: target.env, stdin: 'pipe' });
      broken.process.stdin?.end(readFileSync(later).subarray(0, 20_000));
      const { code, stderr } = await broken.finished;
      assert.equal(code, 1);
      assert.match(stderr, /^anthill import: the archive is cut off.*; what was imported so far is kept/);
      assert.ok((await target.lines()) > 1_000);
      assert.deepEqual(contentsAt(dataDir), [kept]);
      assert.equal(await target.chunks(), 0);
      await refused(importAll, [archive, ...args], /an import of another archive/, target.env);
      await done(importAll, [later, ...args], /was read back/, target.env);
      await assertTidy(target);
      await assertImported(target, later);
      await refused(
        importAll,
        [later, ...args, '--restart'],
        /there is data of an Anthill server/,
        target.env,
      );
    });

    if (name.endsWith('directory')) continue;

    test(`what was changed between its two halves is noticed when all is read back: ${name}`, async () => {
      const target = await open(newHome());
      const args = [archive, '--data', target.home.dataDir];
      await killedAt(target, linesOf(archive).findIndex((line) => line.startsWith('{"workspace"')) - 1);
      await target.change("update api_keys set name = 'another' where name = 'first key'");
      await refused(
        importAll,
        args,
        /^the rows of api_keys are not what the archive has; what was/,
        target.env,
      );
      await target.change("update api_keys set name = 'first key' where name = 'another'");
      await target.spoilContent();
      const other = /^the content [0-9a-f]{64} is not what the archive has; what was imported so far is kept/;
      await refused(importAll, args, other, target.env);
      await target.loseContent();
      const missing = /^the content [0-9a-f]{64} is missing; what was imported so far is kept/;
      await refused(importAll, args, missing, target.env);
      await done(importAll, [...args, '--restart'], /was read back/, target.env);
      await assertImported(target);
    });

    test(`until it is finished nothing else uses the store, and no other archive: ${name}`, async () => {
      const target = await open(newHome());
      const { dataDir } = target.home;
      const running = endless(target);
      await reached(target, running, 100);
      const inUse = name === 'SQLite' ? /another Anthill process is using/ : /another import .* is under way/;
      await refused(importAll, [archive, '--data', dataDir], inUse, target.env);
      await refused(importAll, [archive, '--data', dataDir, '--restart'], inUse, target.env);
      const duringIt = await target.home.refusedStart(target.env);
      assert.match(duringIt.stderr, name === 'SQLite' ? inUse : /is not finished/);
      await kill(running);

      const unfinished =
        /an import of the archive of 20.* into this store is not finished.*run `anthill import` with that archive again.*--restart/;
      const { code, stderr } = await target.home.refusedStart(target.env);
      assert.deepEqual([code, stderr.split('\n').length], [1, 2], stderr);
      assert.match(stderr, unfinished);
      const elsewhere = join(place.folder, `refused-${name}`);
      await refused(exportAll, [elsewhere, '--data', dataDir], unfinished, target.env);
      await refused(rotateKey, ['--data', dataDir], unfinished, target.env);
      if (name === 'SQLite') await refused(backup, [elsewhere, '--data', dataDir], unfinished, target.env);

      const other =
        /an import of another archive, the archive of 20.*, into this store is not finished.*--restart/;
      await refused(importAll, [later, '--data', dataDir], other, target.env);
      const changed = join(place.folder, `changed-${name}.archive`);
      changeArchive(archive, changed, (row) => row.replace('"first key"', '"another key"'));
      const differs = /something differs in its first \d+ lines; what was imported so far is kept/;
      await refused(importAll, [changed, '--data', dataDir], differs, target.env);

      await done(importAll, [archive, '--data', dataDir], /was read back/, target.env);
      await assertImported(target);
    });
  }

  test('an export that is killed leaves no archive, and what it leaves is refused', async () => {
    const path = join(place.folder, 'killed.archive');
    const args = [path, '--data', sourceDir];
    for (let attempt = 1; ; attempt++) {
      assert.ok(attempt <= 10, 'it is always faster');
      const running = place.anthill(['export', ...args], { env });
      while (!existsSync(`${path}.part`) && running.process.exitCode === null) await sleep(1);
      running.process.kill('SIGKILL');
      await running.finished;
      if (!existsSync(path)) break;
      rmSync(path);
    }
    const dataDir = join(place.folder, 'of-half-an-export');
    const cutOff = /^the archive is cut off: its end is missing; nothing was imported$/;
    await refused(importAll, [`${path}.part`, '--data', dataDir], cutOff);
    assert.ok(!existsSync(dataDir));
    await done(exportAll, args, /^Exported/);
    assert.ok(!existsSync(`${path}.part`));
    assert.deepEqual(storedLinesOf(path), storedLinesOf(archive));
  });

  test('goes on when the database, which crashed in the middle of it, is back', async () => {
    const postgres = await startPostgres();
    const target = targetOn(await postgres.newDatabase(), newHome());
    const running = place.anthill(['import', '-', '--data', target.home.dataDir], {
      env: target.env,
      stdin: 'pipe',
    });
    const bytes = readFileSync(archive);
    const middle = Math.floor(bytes.length / 2);
    running.process.stdin?.on('error', () => undefined).write(bytes.subarray(0, middle));
    await reached(target, running, decisions);
    await postgres.crash();
    running.process.stdin?.end(bytes.subarray(middle));
    const { code, stderr } = await running.finished;
    assert.equal(code, 1);
    assert.match(stderr, /^anthill import: .*; what was imported so far is kept/);
    await postgres.start();
    const said = await done(importAll, [archive, '--data', target.home.dataDir], /was read back/, target.env);
    assert.match(said, /^Going on/);
    await assertImported(target);
    await postgres.remove();
  });

  test('goes on when there is room again on its disk', async (t) => {
    const target = await engines.SQLite(newHome());
    const { dataDir } = target.home;
    mkdirSync(dataDir, { mode: 0o700 });
    const mount = (options: string) =>
      execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', dataDir], { stdio: 'ignore' });
    try {
      mount('size=4m,mode=700');
    } catch {
      return t.skip('this user may not mount a small disk');
    }
    try {
      const full = /the disk is full; what was imported so far is kept: run the import again/;
      await refused(importAll, [archive, '--data', dataDir], full);
      mount('remount,size=64m');
      const said = await done(importAll, [archive, '--data', dataDir], /was read back/);
      assert.match(said, /^Going on/);
      await assertImported(target);
    } finally {
      execFileSync('umount', ['-l', dataDir]);
    }
  });

  /** Of marks and staged content nothing is left. */
  async function assertTidy(target: Target): Promise<void> {
    const pending = filesIn(join(target.home.dataDir, 'files', 'pending'));
    assert.deepEqual(
      pending.filter((name) => name.includes('.')),
      [],
    );
    if (isAlone(target)) assert.equal(await target.staged(), 0);
  }
});

/** Staged content is nobody else's, so it need not be kept for a while. */
function isAlone(target: Target): boolean {
  return target.env.ANTHILL_FILES === '';
}

function stagedAt(dataDir: string): readonly string[] {
  return filesIn(join(dataDir, 'files', 'pending')).filter((name) => !name.includes('.'));
}

function contentsAt(dataDir: string): readonly string[] {
  return filesIn(join(dataDir, 'files')).filter((path) => !path.startsWith('pending'));
}

/** Their paths below it. */
function filesIn(directory: string): readonly string[] {
  if (!existsSync(directory)) return [];
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => relative(directory, join(parentPath, name)));
}

/** Of lines: anywhere among rows, and among contents. */
function killPoints(lines: readonly string[], random: () => number): readonly number[] {
  const content = lines.findIndex((line) => line.startsWith('{"content"'));
  const workspaces = lines.findIndex((line) => line.startsWith('{"workspace"'));
  // What waits for the end of the archive is not imported.
  const end = workspaces - 1;
  const points = Array.from({ length: kills }, (_, at) =>
    at % 2 === 0 ? Math.floor(random() * content) : content + Math.floor(random() * (end - content)),
  );
  return points.sort((a, b) => a - b);
}

/** Many rows are quick to make where they are stored. */
function addDecisions(dataDir: string, sessionId: string): void {
  const database = new Database(join(dataDir, 'anthill.db'));
  const [workspace] = database.prepare('select workspace_id from sessions').pluck().all();
  const insert = database.prepare(
    `with recursive numbers(n) as (select 1 union all select n + 1 from numbers where n < ?)
      insert into egress_decisions (id, workspace_id, session_id, at_us, host, port, result, reason)
      select printf('egress_%08d', n), ?, ?, n, 'example.com', 443, 'allowed', 'listed' from numbers`,
  );
  insert.run(decisions, workspace, sessionId);
  database.close();
}
