import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type Anthropic from '@anthropic-ai/sdk';
import { absent, all, bad, refused } from '../support/sdk-calls.ts';
import type { ServerProcess } from '../support/server.ts';
import { serverHome } from '../support/server.ts';
import {
  clientWith,
  createEnvironmentKey,
  createKey,
  newTenant,
  workerWith,
} from '../support/server-admin.ts';
import { atRest, message, openSession, send, spoken } from '../support/server-sessions.ts';

const home = serverHome();
let server: ServerProcess;
let workspaces: Anthropic['organization']['workspaces'];

before(async () => {
  server = await home.start();
  workspaces = server.client.organization.workspaces;
});
after(() => home.remove());

const archivedError = (id: string) =>
  refused(403, 'permission_error', new RegExp(`^Workspace ${id} is archived`), {
    details: { error_code: 'workspace_archived' },
  });

describe('a workspace', () => {
  test('is made with a colour and tags, retrieved and listed', async () => {
    const made = await workspaces.create({ name: 'Team', tags: { cost: 'a' }, display_color: '#A1b2C3' });
    assert.match(made.id, /^wrkspc_\w+$/);
    assert.deepEqual(
      { ...made },
      {
        id: made.id,
        type: 'workspace',
        name: 'Team',
        display_color: '#A1b2C3',
        tags: { cost: 'a' },
        data_residency: {
          allowed_inference_geos: 'unrestricted',
          default_inference_geo: 'global',
          workspace_geo: 'us',
        },
        compartment_id: '',
        external_key_id: null,
        user_profile_id: null,
        created_at: made.created_at,
        archived_at: null,
      },
    );
    assert.deepEqual({ ...(await workspaces.retrieve(made.id)) }, { ...made });
    assert.deepEqual((await workspaces.list({ limit: 1 })).data, [{ ...made }]);
    assert.match((await workspaces.create({ name: 'x' })).display_color, /^#[0-9A-F]{6}$/);
    const { data } = await server.client.beta.organization.workspaces.list({ ids: [made.id] });
    assert.deepEqual(data, [{ ...made }]);
  });

  test('was there from the start: the default one', async () => {
    const [first] = (await all(workspaces.list({ include_default: true }))).toReversed();
    assert.equal(first?.name, 'Default');
    assert.ok(!(await all(workspaces.list())).some(({ id }) => id === first?.id));
    const { response } = await server.client.beta.agents.list().withResponse();
    assert.equal(response.headers.get('anthropic-workspace-id'), first?.id);
    assert.equal((await workspaces.update(first?.id ?? '', { name: 'Ours' })).name, 'Ours');
    await assert.rejects(workspaces.archive(first?.id ?? ''), bad(/is the default one and stays/));
    await server.stop();
    server = await home.start();
    workspaces = server.client.organization.workspaces;
    assert.equal((await workspaces.retrieve(first?.id ?? '')).name, 'Ours');
  });

  test('is renamed, and its tags are merged', async () => {
    const { id } = await workspaces.create({ name: 'old', tags: { a: '1', b: '2' } });
    const changed = await workspaces.update(id, { name: 'new', tags: { a: null, c: '3' } });
    assert.deepEqual([changed.name, changed.tags], ['new', { b: '2', c: '3' }]);
    assert.deepEqual({ ...(await workspaces.update(id, {})) }, { ...changed });
    assert.deepEqual((await workspaces.update(id, { tags: null })).tags, changed.tags);
  });

  test('keeps its things to itself, and the same names may be used in each', async () => {
    const [a, b] = [await newTenant(server, 'a'), await newTenant(server, 'b')];
    const made = await Promise.all(
      [a, b].map(({ client }) => client.beta.environments.create({ name: 'room' })),
    );
    assert.notEqual(made[0]?.id, made[1]?.id);
    const session = await openSession(a.client, {}, { initial_events: [message('remember chamber nine')] });
    await atRest(a.client, session.id);
    assert.deepEqual((await b.client.beta.sessions.list()).data, []);
    assert.deepEqual((await server.client.beta.sessions.list()).data, []);
    assert.equal((await a.admin.beta.sessions.list()).data.length, 1);
  });

  test('when archived refuses its keys and workers at once, and keeps its data', async () => {
    const { workspaceId, client, key, admin } = await newTenant(server);
    const session = await openSession(client);
    const worker = await createEnvironmentKey(admin, session.environment_id);
    const stream = await client.beta.sessions.events.stream(session.id);
    const archived = await workspaces.archive(workspaceId);
    assert.ok(archived.archived_at);
    assert.deepEqual({ ...(await workspaces.archive(workspaceId)) }, { ...archived });

    await assert.rejects(client.beta.sessions.retrieve(session.id), archivedError(workspaceId));
    const asWorker = workerWith(server, worker.secret);
    await assert.rejects(asWorker.beta.sessions.retrieve(session.id), archivedError(workspaceId));
    for await (const event of stream) assert.fail(`${event.type} came after the end`);
    assert.equal((await server.client.organization.apiKeys.retrieve(key.id)).status, 'archived');
    await assert.rejects(
      server.client.organization.apiKeys.update(key.id, { status: 'active' }),
      bad(/is archived/),
    );

    assert.ok(!(await all(workspaces.list())).some(({ id }) => id === workspaceId));
    assert.ok((await all(workspaces.list({ include_archived: true }))).some(({ id }) => id === workspaceId));
    await assert.rejects(
      workspaces.update(workspaceId, { name: 'x' }),
      bad(`Workspace ${workspaceId} is archived.`, 'workspace_archived'),
    );
    const scope = { type: 'workspace', workspace_id: workspaceId };
    await assert.rejects(
      createKey(server.client, { name: 'x', scope }),
      bad(`Workspace ${workspaceId} is archived.`, 'workspace_archived'),
    );
    // Who manages the organization can still look, and remove what must go.
    assert.equal((await admin.beta.sessions.retrieve(session.id)).id, session.id);
    await assert.rejects(
      admin.beta.agents.create({ name: 'x', model: 'scripted/demo' }),
      archivedError(workspaceId),
    );
    await assert.rejects(send(admin, session.id, message('hello')), archivedError(workspaceId));
    assert.equal((await admin.beta.sessions.delete(session.id)).type, 'session_deleted');
  });

  test('that is archived in the middle of a turn finishes it, and is asked nothing more', async () => {
    const { workspaceId, client, admin } = await newTenant(server);
    const session = await openSession(client);
    await send(client, session.id, message('Run the command: sleep 1; echo done'));
    await workspaces.archive(workspaceId);
    const rested = await atRest(admin, session.id);
    assert.equal(rested.status, 'idle');
    assert.match(spoken((await all(admin.beta.sessions.events.list(session.id))) as never), /done/);
  });
});

describe('what is wrong with a workspace', () => {
  const many = Object.fromEntries(Array.from({ length: 17 }, (_, index) => [`tag${index}`, 'x']));
  const cases: readonly (readonly [string, object, ReturnType<typeof bad>])[] = [
    ['no name', {}, bad('name is required')],
    ['an empty name', { name: '' }, bad('name: must be at least 1 character')],
    ['a long name', { name: '🐜'.repeat(41) }, bad('name: must be at most 40 characters')],
    ['a field nobody knows', { name: 'x', id: 'y' }, bad('Failed to parse request body: unknown field "id"')],
    [
      'a colour in words',
      { name: 'x', display_color: 'red' },
      bad('display_color: must be a colour such as #6C5BB9'),
    ],
    ['a colour with more', { name: 'x', display_color: '#12345678' }, bad(/display_color: must be a colour/)],
    [
      'a tag of the original',
      { name: 'x', tags: { anthropic_x: 'y' } },
      bad(/^tags: keys must not begin with "anthropic"$/),
    ],
    ['too many tags', { name: 'x', tags: many }, bad('tags: must have at most 16 pairs')],
    [
      'a tag that is no text',
      { name: 'x', tags: { a: 1 } },
      bad(/^Failed to parse request: tags\.a: expected string/),
    ],
    [
      'a long tag',
      { name: 'x', tags: { a: 'x'.repeat(513) } },
      bad('tags: "a" must be at most 512 characters'),
    ],
    [
      'a place that is elsewhere',
      { name: 'x', data_residency: { default_inference_geo: 'us' } },
      bad(/^data_residency: not supported/),
    ],
    [
      'geos',
      { name: 'x', data_residency: { allowed_inference_geos: ['us'] } },
      bad(/^data_residency: not supported/),
    ],
    ['a key elsewhere', { name: 'x', external_key_id: 'key_1' }, bad(/^external_key_id: not supported/)],
    ['a profile', { name: 'x', user_profile_id: 'up_1' }, bad(/^user_profile_id: not supported/)],
  ];
  for (const [name, body, refusal] of cases) {
    test(`${name} is refused, on create and on update`, async () => {
      const count = (await all(workspaces.list())).length;
      await assert.rejects(workspaces.create(body as { name: string }), refusal);
      assert.equal((await all(workspaces.list())).length, count);
      if (name === 'no name') return;
      const { id } = await workspaces.create({ name: 'kept' });
      await assert.rejects(workspaces.update(id, body), refusal);
      assert.equal((await workspaces.retrieve(id)).name, 'kept');
    });
  }

  test('the defaults of where data lies may be said', async () => {
    const said = {
      allowed_inference_geos: 'unrestricted',
      default_inference_geo: 'global',
      workspace_geo: 'us',
    } as const;
    assert.deepEqual((await workspaces.create({ name: 'x', data_residency: said })).data_residency, said);
  });

  test('tags that only an update makes too many', async () => {
    const half = Object.fromEntries(Object.entries(many).slice(0, 9));
    const { id } = await workspaces.create({ name: 'x', tags: half });
    const other = Object.fromEntries(Object.keys(half).map((key) => [`b${key}`, 'x']));
    await assert.rejects(workspaces.update(id, { tags: other }), bad('tags: must have at most 16 pairs'));
  });

  test('one that is not there', async () => {
    const refusal = absent('Workspace not found: wrkspc_none');
    await assert.rejects(workspaces.retrieve('wrkspc_none'), refusal);
    await assert.rejects(workspaces.update('wrkspc_none', { name: 'x' }), refusal);
    await assert.rejects(workspaces.archive('wrkspc_none'), refusal);
    assert.deepEqual((await workspaces.list({ ids: ['wrkspc_none'] })).data, []);
    const elsewhere = clientWith(server, server.apiKey, { 'anthropic-workspace-id': 'wrkspc_none' });
    await assert.rejects(elsewhere.beta.agents.list(), refusal);
  });
});
