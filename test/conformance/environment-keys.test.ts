import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import type Anthropic from '@anthropic-ai/sdk';
import { requestHeaders } from '../../src/protocol/beta.ts';
import type { NewEnvironmentKey } from '../../src/protocol/environment-keys.ts';
import type { RouteKey } from '../../src/protocol/routes.ts';
import { routes } from '../../src/protocol/routes.ts';
import { absent, all, bad, refused } from '../support/sdk-calls.ts';
import {
  createEnvironmentKey,
  newTenant,
  revokeEnvironmentKey,
  workerWith,
} from '../support/server-admin.ts';
import { assertRefused, call } from '../support/server-http.ts';
import type { Session } from '../support/server-sessions.ts';
import { collect, message, openSession, send } from '../support/server-sessions.ts';
import { twoVersions, unzipped } from '../support/server-skills.ts';
import { describeServer } from '../support/server-suite.ts';

const customTool = {
  type: 'custom' as const,
  name: 'weather',
  description: 'Tells the weather',
  input_schema: { type: 'object' as const, properties: {} },
};
const forbidden = (message: RegExp) => refused(403, 'permission_error', message);
const stranger = (message: RegExp) => refused(401, 'authentication_error', message);

describeServer('an environment key', ({ server, client: admin }) => {
  let session: Session;
  let key: NewEnvironmentKey;
  let worker: Anthropic;
  const list = (id: string, query: object = {}) =>
    admin.get<{ data: NewEnvironmentKey[] }>(`/v1/organizations/environments/${id}/keys`, { query });

  before(async () => {
    session = await openSession(admin, { tools: [customTool] });
    key = await createEnvironmentKey(admin, session.environment_id);
    worker = workerWith(server, key.secret);
  });

  test('is made for one environment, shown with its secret once, listed and revoked', async () => {
    const { id: environmentId } = await admin.beta.environments.create({ name: 'other room' });
    const { secret, ...shown } = await createEnvironmentKey(admin, environmentId, 'laptop');
    assert.match(secret, /^sk-ant-oat01-\w{64}$/);
    assert.deepEqual(shown, {
      id: shown.id,
      type: 'environment_key',
      environment_id: environmentId,
      name: 'laptop',
      partial_key_hint: `${secret.slice(0, 16)}...${secret.slice(-4)}`,
      created_at: shown.created_at,
      revoked_at: null,
    });
    assert.match(shown.id, /^envkey_\w+$/);
    assert.deepEqual((await list(environmentId)).data, [shown]);
    const revoked = await revokeEnvironmentKey(admin, { secret, ...shown });
    assert.ok(revoked.revoked_at);
    assert.deepEqual(await revokeEnvironmentKey(admin, { secret, ...shown }), revoked);
    assert.deepEqual((await list(environmentId)).data, []);
    assert.deepEqual((await list(environmentId, { include_revoked: true })).data, [revoked]);
  });

  test('reaches the sessions of its environment: retrieve, list, stream, answer', async () => {
    assert.equal((await worker.beta.sessions.retrieve(session.id)).id, session.id);
    const events = await collect(worker, session.id, () => send(admin, session.id, message('hello')));
    assert.equal(events.at(-1)?.type, 'session.status_idle');
    const listed = await all(worker.beta.sessions.events.list(session.id));
    assert.ok(events.every((event) => 'id' in event && listed.some(({ id }) => id === event.id)));
    const older = session.id.replace(/^sesn_/, 'session_');
    assert.equal((await worker.beta.sessions.retrieve(older)).id, session.id);
  });

  test('gets the skills of its workspace, version by version, and no list of them', async () => {
    const skill = await twoVersions(admin);
    const [id] = skill.versionIds;
    assert.equal(
      (await worker.beta.skills.versions.retrieve('latest', { skill_id: skill.id })).name,
      skill.name,
    );
    const content = await worker.beta.skills.versions.download(id, { skill_id: skill.id });
    assert.deepEqual(Object.keys(await unzipped(content)), [`${skill.name}/SKILL.md`]);
    await assert.rejects(worker.beta.skills.list(), forbidden(/cannot be used for this/));
    const foreign = await newTenant(server);
    const theirs = await twoVersions(foreign.client);
    const look = worker.beta.skills.versions.retrieve('latest', { skill_id: theirs.id });
    await assert.rejects(look, absent(new RegExp(theirs.id)));
  });

  test('may answer tool calls, and say nothing else', async () => {
    const result = { type: 'user.custom_tool_result' as const, custom_tool_use_id: 'sevt_none' };
    // It gets as far as the session, which waits for nothing.
    await assert.rejects(send(worker, session.id, result), bad(/sevt_none/));
    const refusal = forbidden(
      /^events\[1\]: an environment key can only send user\.tool_result and user\.custom/,
    );
    for (const event of [
      message('hello'),
      { type: 'user.interrupt' as const },
      { type: 'user.tool_confirmation' as const, tool_use_id: 'sevt_none', result: 'allow' as const },
    ])
      await assert.rejects(send(worker, session.id, result, event), refusal);
  });

  test('reaches no session of another environment, and finds none that is not there', async () => {
    const other = await openSession(admin);
    const wrong = forbidden(
      new RegExp(`^this environment key is for environment ${session.environment_id} only$`),
    );
    await assert.rejects(worker.beta.sessions.retrieve(other.id), wrong);
    await assert.rejects(worker.beta.sessions.events.list(other.id), wrong);
    await assert.rejects(worker.beta.sessions.events.stream(other.id), wrong);
    await assert.rejects(send(worker, other.id, message('hello')), wrong);
    await assert.rejects(worker.beta.sessions.retrieve('sesn_none'), absent('Session not found: sesn_none'));
    const foreign = await newTenant(server);
    const theirs = await openSession(foreign.client);
    await assert.rejects(worker.beta.sessions.retrieve(theirs.id), absent(`Session not found: ${theirs.id}`));
  });

  const allowed = [
    'beta.sessions retrieve',
    'beta.sessions.events list',
    'beta.sessions.events send',
    'beta.sessions.events stream',
    'skills.versions retrieve',
    'beta.skills.versions retrieve',
    'beta.skills.versions download',
    'beta.environments.work list',
    'beta.environments.work poll',
    'beta.environments.work stats',
    'beta.environments.work ack',
    'beta.environments.work heartbeat',
    'beta.environments.work stop',
  ];
  const near = /^(beta\.)?(skills|memoryStores|environments)\b/;
  for (const name of Object.keys(routes) as RouteKey[]) {
    if (allowed.includes(name)) continue;
    const status = near.test(name) ? 403 : 401;
    test(`cannot be used for ${name}: ${status}`, async () => {
      const { method, path } = routes[name];
      const reply = await call(server, {
        method,
        path: path.replace(/:session_id/, session.id).replace(/:\w+(\{\.\+\})?/g, 'x'),
        headers: {
          ...requestHeaders(routes[name]),
          'x-api-key': null,
          authorization: `Bearer ${key.secret}`,
        },
        ...(method === 'POST' ? { body: {} } : {}),
      });
      const type = status === 403 ? 'permission_error' : 'authentication_error';
      assertRefused(reply, { status, type, message: 'an environment key cannot be used for this' });
    });
  }

  test('is a bearer token, and no API key', async () => {
    const path = `/v1/sessions/${session.id}`;
    const reply = await call(server, { path, headers: { 'x-api-key': key.secret } });
    const message = 'an environment key is sent as Authorization: Bearer';
    assertRefused(reply, { status: 401, type: 'authentication_error', message });
  });

  test('is refused at once when it is revoked, and its stream ends', async () => {
    const made = await createEnvironmentKey(admin, session.environment_id);
    const client = workerWith(server, made.secret);
    const stream = await client.beta.sessions.events.stream(session.id);
    const revokedAt = Date.now();
    await revokeEnvironmentKey(admin, made);
    await assert.rejects(client.beta.sessions.retrieve(session.id), stranger(/^invalid environment key$/));
    for await (const event of stream) assert.fail(event.type);
    assert.ok(Date.now() - revokedAt < 5_000);
  });

  test('goes with its environment', async () => {
    const { id } = await admin.beta.environments.create({ name: 'short-lived' });
    const made = await createEnvironmentKey(admin, id);
    await admin.beta.environments.delete(id);
    const client = workerWith(server, made.secret);
    await assert.rejects(client.beta.sessions.retrieve(session.id), stranger(/^invalid environment key$/));
  });

  test('is not made in an environment that is archived or not there, without a name, or in any number', async () => {
    const { id } = await admin.beta.environments.create({ name: 'archived' });
    await admin.beta.environments.archive(id);
    await assert.rejects(
      createEnvironmentKey(admin, id),
      bad(`Environment ${id} is archived.`, 'environment_archived'),
    );
    const none = refused(404, 'not_found_error', 'Environment env_none not found.', {
      details: { error_code: 'environment_not_found' },
    });
    await assert.rejects(createEnvironmentKey(admin, 'env_none'), none);
    await assert.rejects(list('env_none'), none);
    await assert.rejects(
      createEnvironmentKey(admin, session.environment_id, ''),
      bad(/^name: must be at least 1/),
    );
    const lost = { ...key, id: 'envkey_none' };
    await assert.rejects(revokeEnvironmentKey(admin, lost), absent('Environment key not found: envkey_none'));
    const { id: full } = await admin.beta.environments.create({ name: 'full' });
    for (let count = 0; count < 100; count++) await createEnvironmentKey(admin, full);
    await assert.rejects(createEnvironmentKey(admin, full), bad(/has 100 keys, the most it can hold/));
  });
});
