import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type Anthropic from '@anthropic-ai/sdk';
import Database from 'better-sqlite3';
import { unseal } from '../../src/vault/sealing.ts';
import { absent, all, bad } from '../support/sdk-calls.ts';
import type { ServerProcess } from '../support/server.ts';
import { serverHome } from '../support/server.ts';
import { clientWith, newTenant } from '../support/server-admin.ts';
import { assertRefused, call } from '../support/server-http.ts';

const home = serverHome();
let server: ServerProcess;
type Webhooks = Anthropic['beta']['organization']['webhooks'];
let webhooks: Webhooks;

before(async () => {
  server = await home.start({ ANTHILL_LOG_LEVEL: 'debug' });
  webhooks = server.client.beta.organization.webhooks;
});
after(() => home.remove());

/** The SDK's type knows the events of an organization only. */
type Events = Parameters<Webhooks['create']>[0]['enabled_events'];
const events = (...names: string[]) => names as Events;
const url = 'https://example.com/hook';
const make = (changes: object = {}, from: Webhooks = webhooks) =>
  from.create({ url, enabled_events: events('session.status_idled'), ...changes });

function shown<T extends { signing_secret: string }>({ signing_secret: _, ...endpoint }: T) {
  return endpoint;
}

describe('a webhook endpoint', () => {
  test('is made with a secret that is shown once, retrieved and listed', async () => {
    const made = await make({
      name: 'Hook',
      description: 'd',
      enabled_events: events('agent.created', 'vault.deleted', 'agent.created'),
    });
    assert.match(made.signing_secret, /^whsec_[A-Za-z0-9+/]{43}=$/);
    assert.equal(Buffer.from(made.signing_secret.slice(6), 'base64').length, 32);
    assert.deepEqual(shown({ ...made }), {
      id: made.id,
      name: 'Hook',
      description: 'd',
      url,
      enabled_events: ['agent.created', 'vault.deleted'],
      state: 'enabled',
      disabled_reason: '',
      created_at: made.created_at,
      updated_at: made.created_at,
    });
    assert.deepEqual({ ...(await webhooks.retrieve(made.id)) }, shown({ ...made }));
    assert.deepEqual((await webhooks.list({ limit: 1 })).data, [shown({ ...made })]);
    const plain = await make();
    assert.deepEqual([plain.name, plain.description], ['', '']);
  });

  test('is changed part by part', async () => {
    const made = await make({ name: 'old' });
    const same = await webhooks.update(made.id, { enabled_events: [] });
    assert.deepEqual({ ...same }, shown({ ...made }));
    const changed = await webhooks.update(made.id, {
      name: 'new',
      url: 'https://example.org',
      enabled_events: events('agent.created'),
    });
    assert.deepEqual(
      [changed.name, changed.url, changed.enabled_events],
      ['new', 'https://example.org', ['agent.created']],
    );
    assert.ok(changed.updated_at > made.updated_at);
    const off = await webhooks.update(made.id, { state: 'disabled' });
    assert.deepEqual([off.state, off.disabled_reason], ['disabled', '']);
    assert.equal((await webhooks.update(made.id, { state: 'enabled' })).state, 'enabled');
    assert.equal((await webhooks.update(made.id, { name: '' })).name, '');
  });

  test('gets a new secret, and is deleted', async () => {
    const made = await make();
    const { signing_secret } = await webhooks.regenerateSigningSecret(made.id);
    assert.match(signing_secret, /^whsec_/);
    assert.notEqual(signing_secret, made.signing_secret);
    assert.deepEqual({ ...(await webhooks.retrieve(made.id)) }, shown({ ...made }));
    assert.deepEqual(
      { ...(await webhooks.delete(made.id)) },
      { id: made.id, type: 'webhook_endpoint_deleted' },
    );
    const refusal = absent(`Webhook endpoint not found: ${made.id}`);
    await assert.rejects(webhooks.delete(made.id), refusal);
    await assert.rejects(webhooks.retrieve(made.id), refusal);
    await assert.rejects(webhooks.update(made.id, {}), refusal);
    await assert.rejects(webhooks.regenerateSigningSecret(made.id), refusal);
  });

  test('belongs to the workspace that its maker acts in', async () => {
    const { admin, client } = await newTenant(server);
    const made = await make({}, admin.beta.organization.webhooks);
    assert.deepEqual((await admin.beta.organization.webhooks.list()).data, [shown({ ...made })]);
    assert.ok(!(await all(webhooks.list())).some(({ id }) => id === made.id));
    await assert.rejects(webhooks.retrieve(made.id), absent(/not found/));
    await assert.rejects(client.beta.organization.webhooks.list(), { status: 403 });
  });

  test('is one of 32 in its workspace, also when many are made at once', async () => {
    const { admin } = await newTenant(server);
    const own = admin.beta.organization.webhooks;
    const outcomes = await Promise.allSettled(Array.from({ length: 40 }, () => make({}, own)));
    const made = outcomes.filter((outcome) => outcome.status === 'fulfilled');
    assert.equal(made.length, 32);
    for (const outcome of outcomes)
      if (outcome.status === 'rejected')
        bad(/has 32 webhook endpoints, the most it can hold/)(outcome.reason);
    const newest = await all(own.list({ limit: 5 }));
    assert.equal(newest.length, 32);
    const oldest = await all(own.list({ limit: 7, order: 'asc' }));
    assert.deepEqual(oldest.toReversed(), newest);
    await own.delete(newest[0]?.id ?? '');
    await make({}, own);
  });

  test('does not exist without its beta value', async () => {
    const expected = { status: 404, type: 'not_found_error', message: 'Not found' };
    for (const beta of [null, 'managed-agents-2026-04-01'])
      assertRefused(
        await call(server, { path: '/v1/organizations/webhooks', headers: { 'anthropic-beta': beta } }),
        expected,
      );
  });
});

describe('what is wrong with an endpoint', () => {
  const cases: readonly (readonly [string, object, ReturnType<typeof bad>])[] = [
    ['no URL', { url: undefined }, bad('url is required')],
    ['no events', { enabled_events: undefined }, bad('enabled_events is required')],
    ['an empty list of events', { enabled_events: [] }, bad('enabled_events: must contain at least 1 item')],
    [
      'an event that is none',
      { enabled_events: ['session.slept'] },
      bad(
        /^Failed to parse request: enabled_events\[0\]: "session\.slept" is not a valid value; expected one of agent\.archived, /,
      ),
    ],
    [
      'an event of an organization',
      { enabled_events: ['external_key.failed'] },
      bad(/"external_key\.failed" is not a valid value/),
    ],
    ['a field nobody knows', { secret: 'x' }, bad('Failed to parse request body: unknown field "secret"')],
    ['a state', { state: 'disabled' }, bad(/unknown field "state"/)],
    [
      'a long URL',
      { url: `https://example.com/${'x'.repeat(2048)}` },
      bad('url: must be at most 2048 characters'),
    ],
    ['http', { url: 'http://example.com' }, bad('url: must begin with https://')],
    ['another port', { url: 'https://example.com:8443' }, bad('url: must be on port 443')],
    ['this machine', { url: 'https://127.0.0.1/' }, bad('url: "127.0.0.1" is not a public host')],
    ['the metadata of a cloud', { url: 'https://169.254.169.254' }, bad(/is not a public host/)],
    ['a password', { url: 'https://u:pw@example.com' }, bad('url: must not contain a user name or password')],
    ['no URL at all', { url: 'example.com' }, bad('url: must be a URL')],
    ['a long name', { name: 'x'.repeat(257) }, bad('name: must be at most 256 characters')],
    [
      'a long description',
      { description: 'x'.repeat(1025) },
      bad('description: must be at most 1024 characters'),
    ],
  ];
  for (const [name, changes, refusal] of cases) {
    test(`${name} is refused`, async () => {
      const count = (await all(webhooks.list())).length;
      await assert.rejects(make(changes), refusal);
      assert.equal((await all(webhooks.list())).length, count);
    });
  }

  test('a URL that it cannot be changed to, and a state that is none', async () => {
    const { id } = await make();
    await assert.rejects(webhooks.update(id, { url: 'https://localhost' }), bad(/is not a public host/));
    await assert.rejects(
      webhooks.update(id, { state: 'asleep' as 'enabled' }),
      bad(/state: "asleep" is not/),
    );
    assert.equal((await webhooks.retrieve(id)).url, url);
  });
});

describe('signing secrets', () => {
  test('lie sealed for their endpoint, and are in no answer, file or line of the log', async () => {
    const made = await make();
    const { signing_secret } = await webhooks.regenerateSigningSecret(made.id);
    const answers = JSON.stringify([await webhooks.retrieve(made.id), await all(webhooks.list())]);
    for (const secret of [made.signing_secret, signing_secret]) {
      const bare = secret.slice('whsec_'.length);
      assert.ok(!answers.includes(bare) && !server.errors().join('\n').includes(bare));
      for (const file of readdirSync(home.dataDir, { recursive: true, withFileTypes: true }))
        if (file.isFile())
          assert.ok(!readFileSync(join(file.parentPath, file.name)).includes(bare), file.name);
    }
    const database = new Database(join(home.dataDir, 'anthill.db'), { readonly: true });
    const row = database.prepare('select sealed from webhook_endpoints where id = ?').get(made.id);
    database.close();
    const master = Buffer.from(readFileSync(join(home.dataDir, 'master.key'), 'utf8'), 'base64');
    const { sealed } = row as { sealed: string };
    assert.equal(
      unseal(master, sealed, { webhookEndpointId: made.id, field: 'signing_secret' }),
      signing_secret,
    );
  });
});

describe('in development', () => {
  test('a switch in the configuration lets in http and this machine', async () => {
    const place = serverHome();
    try {
      mkdirSync(place.dataDir, { recursive: true });
      writeFileSync(join(place.dataDir, 'anthill.yaml'), 'webhooks: {allow_private_urls: true}\n');
      const open = await place.start();
      const own = clientWith(open, open.apiKey).beta.organization.webhooks;
      assert.equal((await make({ url: 'http://127.0.0.1:3000/' }, own)).url, 'http://127.0.0.1:3000/');
      await assert.rejects(make({ url: 'ftp://127.0.0.1' }, own), bad('url: must be http or https'));
    } finally {
      await place.remove();
    }
  });
});
