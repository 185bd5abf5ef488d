import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { cpSync, existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import { rotateKey } from '../../src/main/rotate-key.ts';
import { createIo } from '../support/cli-io.ts';
import type { Finished, Place } from '../support/command-line.ts';
import { createPlace, startServerProcess } from '../support/command-line.ts';
import { bearer, oauth, variable } from '../support/server-vaults.ts';
import { filesWith, sealedIn, secretsIn } from '../support/stored-secrets.ts';

const newKey = () => randomBytes(32).toString('base64');
const outsideKey = newKey();
/** One that fills pages of the database alone. */
const long = 'long-secret-'.repeat(680);
const secrets = ['a client secret', 'a refresh token', 'a secret', 'a token', long].sort();

let place: Place;
/** What servers have left: one with its key in the directory, one with its key outside; and seals of old. */
const left = { inside: '', outside: '', seals: [] as string[] };
let dataDir: string;

before(async () => {
  place = createPlace();
  for (const [name, env] of [
    ['inside', {}],
    ['outside', { ANTHILL_MASTER_KEY: outsideKey }],
  ] as const) {
    left[name] = join(place.folder, name);
    await fill(env);
    cpSync(join(place.folder, 'data'), left[name], { recursive: true });
    rmSync(join(place.folder, 'data'), { recursive: true });
  }
  dataDir = join(place.folder, 'data');
});
after(() => place.remove());
beforeEach(() => rmSync(dataDir, { recursive: true, force: true }));

async function fill(env: Readonly<Record<string, string>>): Promise<void> {
  const server = await startServerProcess(place, { env });
  const client = new Anthropic({ baseURL: server.baseUrl, apiKey: server.apiKey });
  const { id } = await client.beta.vaults.create({ display_name: 'Keys' });
  const { credentials } = client.beta.vaults;
  for (const auth of [
    { ...oauth('https://mcp.example.com/1'), access_token: long },
    bearer('https://mcp.example.com/2'),
    variable('KEY'),
  ])
    await credentials.create(id, { auth });
  const spare = await credentials.create(id, { auth: bearer('https://mcp.example.com/3', long) });
  left.seals.push(...sealedIn(server.dataDir).map(({ text }) => text));
  await credentials.delete(spare.id, { vault_id: id });
  assert.equal((await server.stop()).code, 0);
}

const rotate = (env: Readonly<Record<string, string>> = {}): Promise<Finished> =>
  place.anthill(['rotate-key', '--data', dataDir], { env }).finished;
function readKey(directory: string): string | null {
  const path = join(directory, 'master.key');
  return existsSync(path) ? readFileSync(path, 'utf8').trim() : null;
}
const keyFilesIn = (directory: string) => readdirSync(directory).filter((file) => file.startsWith('master.'));

function assertDone({ code, stdout, stderr }: Finished, says: RegExp): void {
  assert.deepEqual([code, stderr], [0, '']);
  assert.match(stdout, says);
}

describe('anthill rotate-key', () => {
  test('seals everything with a new key, the only one that opens it, and leaves no old seal', async () => {
    cpSync(left.inside, dataDir, { recursive: true });
    assert.notDeepEqual(filesWith(dataDir, left.seals), []);
    const old = readKey(dataDir) ?? '';
    assertDone(await rotate(), /^Done: 5 secrets are sealed with the new master key, and with that alone/m);
    assert.notEqual(readKey(dataDir), old);
    assert.deepEqual(keyFilesIn(dataDir), ['master.check', 'master.key']);
    assert.deepEqual(await secretsIn(dataDir), secrets);
    await assert.rejects(secretsIn(dataDir, { ANTHILL_MASTER_KEY: old }), /is not the one/);
    assert.deepEqual(filesWith(dataDir, left.seals), []);
    const server = await startServerProcess(place);
    const client = new Anthropic({ baseURL: server.baseUrl, apiKey: server.apiKey });
    assert.equal((await client.beta.vaults.list()).data.length, 1);
    assert.equal((await server.stop()).code, 0);
  });

  test('takes the new key from outside where the old one came from, writes neither down, and may be repeated', async () => {
    cpSync(left.outside, dataDir, { recursive: true });
    const env = { ANTHILL_MASTER_KEY: outsideKey, ANTHILL_NEW_MASTER_KEY: newKey() };
    assertDone(await rotate(env), /From now on start the server with ANTHILL_MASTER_KEY set to/);
    assert.deepEqual(keyFilesIn(dataDir), ['master.check']);
    for (const key of Object.values(env)) assert.deepEqual(filesWith(dataDir, [key]), []);
    const renewed = { ANTHILL_MASTER_KEY: env.ANTHILL_NEW_MASTER_KEY };
    assert.deepEqual(await secretsIn(dataDir, renewed), secrets);
    await assert.rejects(secretsIn(dataDir, env), /is not the one/);
    assertDone(await rotate(env), /sealed with this master key already: nothing to do/);
    assert.deepEqual(await secretsIn(dataDir, renewed), secrets);
  });

  test('moves the key out of the data directory when only the new one comes from outside', async () => {
    cpSync(left.inside, dataDir, { recursive: true });
    const key = newKey();
    assertDone(await rotate({ ANTHILL_NEW_MASTER_KEY: key }), /^Done: 5 secrets/m);
    assert.deepEqual(keyFilesIn(dataDir), ['master.check']);
    assert.deepEqual(await secretsIn(dataDir, { ANTHILL_MASTER_KEY: key }), secrets);
  });

  test('does nothing while a server uses the directory', async () => {
    cpSync(left.inside, dataDir, { recursive: true });
    const server = await startServerProcess(place);
    const { code, stdout, stderr } = await rotate();
    assert.deepEqual([code, stdout], [1, '']);
    assert.match(stderr, /^anthill rotate-key: another Anthill process is using .*; stop it/);
    assert.equal((await server.stop()).code, 0);
    assert.deepEqual(await secretsIn(dataDir), secrets);
  });

  const mistakes: readonly (readonly [name: string, env: Record<string, string>, says: RegExp])[] = [
    ['no new key for one from outside', { ANTHILL_MASTER_KEY: outsideKey }, /set ANTHILL_NEW_MASTER_KEY/],
    [
      'a new key that is none',
      { ANTHILL_NEW_MASTER_KEY: 'canary' },
      /ANTHILL_NEW_MASTER_KEY: must be 32 bytes/,
    ],
    [
      'the same key twice',
      { ANTHILL_MASTER_KEY: outsideKey, ANTHILL_NEW_MASTER_KEY: outsideKey },
      /is the same key/,
    ],
  ];
  for (const [name, env, says] of mistakes) {
    test(`is refused, and says no key: ${name}`, async () => {
      cpSync(left.outside, dataDir, { recursive: true });
      const { code, stdout, stderr } = await rotate(env);
      assert.deepEqual([code, stdout], [2, '']);
      assert.match(stderr, says);
      for (const key of Object.values(env)) assert.ok(!stderr.includes(key));
      assert.deepEqual(await secretsIn(dataDir, { ANTHILL_MASTER_KEY: outsideKey }), secrets);
    });
  }

  test('with a wrong key changes nothing', async () => {
    cpSync(left.outside, dataDir, { recursive: true });
    const env = { ANTHILL_MASTER_KEY: newKey(), ANTHILL_NEW_MASTER_KEY: newKey() };
    const { code, stderr } = await rotate(env);
    assert.equal(code, 1);
    assert.match(stderr, /is not the one that its credentials were sealed with/);
    assert.deepEqual(await secretsIn(dataDir, { ANTHILL_MASTER_KEY: outsideKey }), secrets);
  });

  test('makes no data directory where there is none', async () => {
    const { code, stderr } = await rotate();
    assert.equal(code, 2);
    assert.match(stderr, /there is no data of an Anthill server/);
    assert.ok(!existsSync(dataDir));
  });

  test('says what it does', async () => {
    const { code, stdout } = await place.anthill(['rotate-key', '--help']).finished;
    assert.equal(code, 0);
    assert.match(stdout, /ANTHILL_NEW_MASTER_KEY/);
    assert.match((await place.anthill(['--help']).finished).stdout, /anthill rotate-key /);
  });
});

describe('anthill rotate-key killed after any step', () => {
  const kill = (step: number, env: Readonly<Record<string, string>>) =>
    rotate({
      ...env,
      KILL_AT_STEP: String(step),
      NODE_OPTIONS: `--import ${new URL('../support/kill-at-step.ts', import.meta.url)}`,
    });
  /** More than it takes: the last run ends by itself. */
  const stepsMax = 40;

  /** After which key each kill left the data with. The command repeated ends with the new one, whatever was left. */
  async function killEverywhere(name: 'inside' | 'outside', env: Readonly<Record<string, string>>) {
    const found: ('old' | 'new')[] = [];
    for (let step = 1; step < stepsMax; step++) {
      rmSync(dataDir, { recursive: true, force: true });
      cpSync(left[name], dataDir, { recursive: true });
      const killed = await kill(step, env);
      if (killed.code === 0) return found;
      assert.deepEqual([killed.code, killed.stderr], [null, ''], `step ${step}`);
      const copy = `${dataDir}-copy`;
      cpSync(dataDir, copy, { recursive: true });
      found.push(await keyOf(copy, env));
      rmSync(copy, { recursive: true });
      const io = createIo({ env });
      assert.equal(await rotateKey(['--data', dataDir], { ...io, cwd: place.folder }), 0, io.stdout.text);
      assert.equal(await keyOf(dataDir, env), 'new');
    }
    assert.fail('it never ends');
  }

  /** Opens the data as a server would that is started after this. */
  async function keyOf(directory: string, env: Readonly<Record<string, string>>): Promise<'old' | 'new'> {
    const { ANTHILL_MASTER_KEY: before, ANTHILL_NEW_MASTER_KEY: renewed } = env;
    const isNew = await opens(directory, renewed === undefined ? {} : { ANTHILL_MASTER_KEY: renewed });
    if (renewed === undefined) assert.ok(isNew);
    const key = readKey(directory);
    const isOld = before === undefined ? key === readKey(left.inside) : !isNew;
    if (before !== undefined) assert.equal(await opens(directory, { ANTHILL_MASTER_KEY: before }), isOld);
    assert.deepEqual(keyFilesIn(directory), key === null ? ['master.check'] : ['master.check', 'master.key']);
    if (!isOld) assert.deepEqual(filesWith(directory, left.seals), []);
    return isOld ? 'old' : 'new';
  }

  async function opens(directory: string, env: Readonly<Record<string, string>>): Promise<boolean> {
    try {
      assert.deepEqual(await secretsIn(directory, env), secrets);
      return true;
    } catch (cause) {
      assert.match(String(cause), /is not the one that its credentials were sealed with/);
      return false;
    }
  }

  for (const [name, env, stepsMin] of [
    ['inside', {}, 15],
    ['outside', { ANTHILL_MASTER_KEY: outsideKey, ANTHILL_NEW_MASTER_KEY: newKey() }, 10],
  ] as const) {
    test(`leaves data that opens with the old or the new key, and goes on when repeated: key ${name}`, async () => {
      const found = await killEverywhere(name, env);
      assert.ok(found.length >= stepsMin, `${found.length} steps`);
      // The commit is the only turning point.
      assert.deepEqual([...new Set(found)], ['old', 'new']);
      assert.deepEqual(found.toSorted().toReversed(), found);
    });
  }
});
