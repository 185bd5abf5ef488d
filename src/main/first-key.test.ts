import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, describe, test } from 'node:test';
import type { ApiKey, ApiKeys } from '../domain/collections.ts';
import { firstKey, serverFilePath, writeServerFile } from './first-key.ts';
import { checkUpstream, hashSecret } from './upstream.ts';

const dataDir = mkdtempSync(join(tmpdir(), 'anthill-key-'));
const path = serverFilePath(dataDir);
after(() => rmSync(dataDir, { recursive: true }));
beforeEach(() => {
  for (const file of [path, `${path}.new`]) rmSync(file, { force: true });
});

const config = {
  host: '127.0.0.1',
  port: 4141,
  dataDir,
  logLevel: 'info',
  apiKey: null,
  masterKey: null,
  upstream: null,
  scenariosDir: dataDir,
  judgeModel: null,
  filesQuotaBytes: 0,
  models: [],
};

function memory() {
  const known = new Map<string, ApiKey>();
  const keys: ApiKeys = {
    insert: async (key, hash) => void known.set(hash, key),
    find: async (hash) => known.get(hash) ?? null,
  };
  return { keys, known };
}

const at = { workspaceId: 'wrkspc_1', nowUs: 1 };

describe('the first key', () => {
  test('is made up, long, and stored only as its hash', async () => {
    const { keys, known } = memory();
    const secret = await firstKey(config, keys, at);
    assert.match(secret, /^sk-anthill-[\w-]{43}$/);
    assert.deepEqual([...known.keys()], [hashSecret(secret)]);
    assert.ok(!JSON.stringify([...known]).includes(secret));
    assert.notEqual(await firstKey(config, keys, at), secret);
  });

  test('is the one of the last start', async () => {
    writeServerFile(dataDir, { base_url: 'http://x', api_key: 'kept' });
    assert.equal(await firstKey(config, memory().keys, at), 'kept');
  });

  test('is the preset one, whatever was kept', async () => {
    writeServerFile(dataDir, { base_url: 'http://x', api_key: 'kept' });
    assert.equal(await firstKey({ ...config, apiKey: 'preset' }, memory().keys, at), 'preset');
  });

  test('is made anew when a crash left half a file', async () => {
    writeFileSync(path, '{"api_key": "ke');
    assert.match(await firstKey(config, memory().keys, at), /^sk-anthill-/);
  });

  test('lies in a file that only its owner can read, even where a wider one was', () => {
    for (const file of [path, `${path}.new`]) writeFileSync(file, 'old', { mode: 0o644 });
    writeServerFile(dataDir, { base_url: 'http://x', api_key: 'k' });
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.deepEqual(JSON.parse(readFileSync(path, 'utf8')), { base_url: 'http://x', api_key: 'k' });
  });
});

describe('an upstream', () => {
  const here = { host: '127.0.0.1', port: 4141 };
  const check = (baseUrl: string, listening = here, apiKey: string | null = null, keys = memory().keys) =>
    checkUpstream({ baseUrl, apiKey, profile: 'generic' }, listening, keys);

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
    const secret = await firstKey(config, keys, at);
    await assert.rejects(check('https://api.anthropic.com', here, secret, keys), (cause: Error) => {
      assert.match(cause.message, /is a key of this Anthill server/);
      assert.ok(!cause.message.includes(secret));
      return true;
    });
    await check('https://api.anthropic.com', here, 'another', keys);
  });
});
