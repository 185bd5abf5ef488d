import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, describe, test } from 'node:test';
import type { StoredKey } from '../domain/api-keys.ts';
import type { Organization } from '../domain/organization.ts';
import { firstKey, serverFilePath, writeServerFile } from './first-key.ts';
import { checkUpstream, hashSecret } from './upstream.ts';

const dataDir = mkdtempSync(join(tmpdir(), 'anthill-key-'));
const path = serverFilePath(dataDir);
after(() => rmSync(dataDir, { recursive: true }));
beforeEach(() => {
  for (const file of [path, `${path}.new`]) rmSync(file, { force: true });
});

const config = { dataDir, apiKey: null };

/** An organization that knows keys and nothing else. */
function memory() {
  const known = new Map<string, StoredKey>();
  const keys: Pick<Organization, 'access' | 'apiKeys'> = {
    access: {
      async apiKey(hash) {
        const key = known.get(hash);
        return key ? { key, isWorkspaceArchived: false } : null;
      },
      workItem: async () => null,
      environmentKey: async () => null,
      workspace: async () => null,
    },
    apiKeys: {
      insert: async (key, hash) => void known.set(hash, key),
      get: async () => null,
      change: async () => null,
      page: async () => [],
    },
  };
  return { keys, known };
}

const at = { workspaceId: 'wrkspc_1', nowUs: 1 };
const keep = (secret: string) => writeServerFile(dataDir, { base_url: 'http://x', api_key: secret });

describe('the first key', () => {
  test('is made up, long, an admin, and stored only as its hash', async () => {
    const { keys, known } = memory();
    const { secret, key } = await firstKey(config, keys, at);
    assert.match(secret, /^sk-anthill-[\w-]{43}$/);
    assert.deepEqual([key.isAdmin, key.status, key.expiresAtUs], [true, 'active', null]);
    assert.deepEqual([...known], [[hashSecret(secret), key]]);
    assert.ok(!JSON.stringify([...known]).includes(secret));
    assert.notEqual((await firstKey(config, keys, at)).secret, secret);
  });

  test('is the one of the last start', async () => {
    keep('kept');
    assert.equal((await firstKey(config, memory().keys, at)).secret, 'kept');
  });

  test('of the last start stays the same key, whatever it was renamed to', async () => {
    const { keys, known } = memory();
    const { secret, key } = await firstKey(config, keys, at);
    keep(secret);
    const renamed = { ...key, name: 'mine' };
    known.set(hashSecret(secret), renamed);
    assert.deepEqual(await firstKey(config, keys, at), { secret, key: renamed });
  });

  const unfit: readonly (readonly [string, Partial<StoredKey>])[] = [
    ['disabled', { status: 'inactive' }],
    ['archived', { status: 'archived' }],
    ['expired', { expiresAtUs: 1 }],
    ['made for a workspace', { isAdmin: false }],
  ];
  for (const [what, change] of unfit) {
    test(`of the last start is replaced once it is ${what}, and not brought back`, async () => {
      const { keys, known } = memory();
      const { secret, key } = await firstKey(config, keys, at);
      keep(secret);
      known.set(hashSecret(secret), { ...key, ...change });
      const next = await firstKey(config, keys, at);
      assert.notEqual(next.secret, secret);
      assert.ok(next.key.isAdmin && next.key.status === 'active');
      assert.deepEqual(known.get(hashSecret(secret)), { ...key, ...change });
    });
  }

  test('is the preset one, whatever was kept, and whatever became of it', async () => {
    keep('kept');
    const { keys, known } = memory();
    const preset = { ...config, apiKey: 'preset' };
    const { secret, key } = await firstKey(preset, keys, at);
    assert.equal(secret, 'preset');
    known.set(hashSecret(secret), { ...key, status: 'inactive' });
    assert.deepEqual(await firstKey(preset, keys, at), { secret, key: { ...key, status: 'inactive' } });
  });

  test('is made anew when a crash left half a file', async () => {
    writeFileSync(path, '{"api_key": "ke');
    assert.match((await firstKey(config, memory().keys, at)).secret, /^sk-anthill-/);
  });

  test('lies in a file that only its owner can read, even where a wider one was', () => {
    for (const file of [path, `${path}.new`]) writeFileSync(file, 'old', { mode: 0o644 });
    keep('k');
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.deepEqual(JSON.parse(readFileSync(path, 'utf8')), { base_url: 'http://x', api_key: 'k' });
  });
});

describe('an upstream', () => {
  const here = { host: '127.0.0.1', port: 4141 };
  const check = (baseUrl: string, listening = here, apiKey: string | null = null, keys = memory().keys) =>
    checkUpstream({ baseUrl, apiKey, profile: 'generic', serverTools: [] }, listening, keys.access);

  for (const own of [
    'http://127.0.0.1:4141',
    'http://localhost:4141/',
    'http://api.localhost:4141',
    'http://127.1.2.3:4141',
    'http://[::1]:4141',
    'http://0.0.0.0:4141',
  ]) {
    test(`${own} is this server itself`, async () => {
      await assert.rejects(check(own), /is this server itself; set ANTHILL_UPSTREAM_BASE_URL/);
    });
  }

  test('at a port of its own or at another machine is none of us', async () => {
    await check('http://127.0.0.1:11434');
    await check('https://api.anthropic.com');
    await check('http://models.example:4141');
  });

  test('on the default port of its scheme is found out as well', async () => {
    await assert.rejects(check('http://localhost', { host: '0.0.0.0', port: 80 }), /this server itself/);
    await check('https://localhost', { host: '0.0.0.0', port: 80 });
  });

  test('with a key of this server is refused, without saying the key', async () => {
    const { keys } = memory();
    const { secret } = await firstKey(config, keys, at);
    await assert.rejects(check('https://api.anthropic.com', here, secret, keys), (cause: Error) => {
      assert.match(cause.message, /is a key of this Anthill server/);
      assert.ok(!cause.message.includes(secret));
      return true;
    });
    await check('https://api.anthropic.com', here, 'another', keys);
  });
});
