import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type Anthropic from '@anthropic-ai/sdk';
import { absent, all, bad } from '../support/sdk-calls.ts';
import type { Session } from '../support/server-sessions.ts';
import { listAll, openSession, say, spoken } from '../support/server-sessions.ts';
import { describeServer, withoutGithub } from '../support/server-suite.ts';

type Params = NonNullable<Parameters<Anthropic['beta']['sessions']['create']>[0]['resources']>[number];
type Resource = Session['resources'][number];

const url = 'https://github.com/ants/hill';
const repository = (more: object = {}): Params => ({ type: 'github_repository', url, ...more });

describeServer(
  { name: 'resources of a session', settings: withoutGithub },
  ({ server, client, startAgain }) => {
    const newStore = (name = 'Notes', description?: string) =>
      client.beta.memoryStores.create({ name, ...(description === undefined ? {} : { description }) });
    const storeParams = (id: string, more: object = {}): Params => ({
      type: 'memory_store',
      memory_store_id: id,
      ...more,
    });
    const open = (...resources: Params[]) => openSession(client, {}, { resources });
    const idOf = (resource: Resource | undefined) => (resource && 'id' in resource ? resource.id : '');

    test('are none unless asked for', async () => {
      assert.deepEqual((await openSession(client)).resources, []);
      assert.deepEqual((await open()).resources, []);
      const { id } = await openSession(client, {}, { resources: [] });
      const list = await client.beta.sessions.resources.list(id);
      assert.deepEqual([list.data, list.next_page], [[], null]);
    });

    test('are shown as resolved, in the order of the request, everywhere the same', async () => {
      const preferences = await newStore('User Preferences', 'What they like');
      const notes = await newStore('Notes');
      const session = await open(
        storeParams(preferences.id, { access: 'read_only', instructions: 'Ask first' }),
        repository({ authorization_token: 'ghp_1' }),
        repository({
          url: 'https://github.com/ants/.Nest_1',
          checkout: { type: 'branch', name: 'main' },
          mount_path: '/workspace/src//nest/',
        }),
        repository({ mount_path: '/workspace/again', checkout: { type: 'commit', sha: 'abcdef1' } }),
        storeParams(notes.id),
      );
      const { created_at } = session;
      const times = { created_at, updated_at: created_at };
      const ids = session.resources.slice(1, 4).map(idOf);
      for (const id of ids) assert.match(id, /^sesrsc_01\w{22}$/);
      const type = 'github_repository';
      assert.deepEqual(session.resources, [
        {
          type: 'memory_store',
          memory_store_id: preferences.id,
          access: 'read_only',
          name: 'User Preferences',
          description: 'What they like',
          instructions: 'Ask first',
          mount_path: '/mnt/memory/user-preferences',
        },
        { id: ids[0], type, url, mount_path: '/workspace/hill', checkout: null, ...times },
        {
          id: ids[1],
          type,
          url: 'https://github.com/ants/.Nest_1',
          mount_path: '/workspace/src/nest',
          checkout: { type: 'branch', name: 'main' },
          ...times,
        },
        {
          id: ids[2],
          type,
          url,
          mount_path: '/workspace/again',
          checkout: { type: 'commit', sha: 'abcdef1' },
          ...times,
        },
        {
          type: 'memory_store',
          memory_store_id: notes.id,
          access: 'read_write',
          name: 'Notes',
          description: '',
          mount_path: '/mnt/memory/notes',
        },
      ]);
      assert.deepEqual((await client.beta.sessions.retrieve(session.id)).resources, session.resources);
      const [listed] = (await client.beta.sessions.list({ limit: 1 })).data;
      assert.deepEqual(listed?.resources, session.resources);
      assert.deepEqual(await all(client.beta.sessions.resources.list(session.id)), session.resources);
      for (const resource of session.resources) {
        // A memory store is found by the store's id, for want of one of its own.
        const id = resource.type === 'memory_store' ? resource.memory_store_id : resource.id;
        const found = await client.beta.sessions.resources.retrieve(id, { session_id: session.id });
        assert.deepEqual({ ...found }, resource);
      }
    });

    test('are listed in pages of any size', async () => {
      const urls = ['a', 'b', 'c', 'd', 'e'].map((name) => `https://github.com/ants/${name}`);
      const session = await open(...urls.map((each) => repository({ url: each })));
      for (const limit of [1, 2, 3, 5, 1000]) {
        assert.deepEqual(
          await all(client.beta.sessions.resources.list(session.id, { limit })),
          session.resources,
        );
      }
      const first = await client.beta.sessions.resources.list(session.id, { limit: 2 });
      assert.deepEqual(first.data, session.resources.slice(0, 2));
      assert.ok(first.next_page);
      const rest = await client.beta.sessions.resources.list(session.id, {
        page: first.next_page,
        limit: 1000,
      });
      assert.deepEqual([rest.data, rest.next_page], [session.resources.slice(2), null]);
      for (const limit of [0, 1001]) {
        await assert.rejects(
          client.beta.sessions.resources.list(session.id, { limit }),
          bad('limit must be between 1 and 1000'),
        );
      }
      await assert.rejects(
        client.beta.sessions.resources.list(session.id, { page: 'x' }),
        bad('page: invalid cursor'),
      );
    });

    describe('of type memory_store', () => {
      test('keep what the store was like when it was attached, and stay when it is deleted', async () => {
        const { id: storeId } = await newStore('Notes', 'old');
        const session = await open(storeParams(storeId, { instructions: null, access: null }));
        const now = async () => (await client.beta.sessions.retrieve(session.id)).resources;
        const [{ name, description, access, instructions } = {} as never] = session.resources as [
          Extract<Resource, { type: 'memory_store' }>,
        ];
        assert.deepEqual(
          [name, description, access, instructions],
          ['Notes', 'old', 'read_write', undefined],
        );
        await client.beta.memoryStores.update(storeId, { name: 'Other', description: 'new' });
        await client.beta.memoryStores.archive(storeId);
        assert.deepEqual(await now(), session.resources);
        await client.beta.memoryStores.delete(storeId);
        assert.deepEqual(await now(), session.resources);
        assert.notEqual(spoken(await say(client, session.id, 'hello')), '');
        const found = await all(client.beta.sessions.list({ memory_store_id: storeId }));
        assert.deepEqual(
          found.map(({ id }) => id),
          [session.id],
        );
      });

      test('stand apart when their names come to the same', async () => {
        const names = ['Team Notes', 'team-notes', '…', 'TEAM NOTES!'];
        const stores = await Promise.all(names.map((name) => newStore(name)));
        const { resources } = await open(...stores.map(({ id }) => storeParams(id)));
        assert.deepEqual(
          resources.map(({ mount_path }) => mount_path),
          [
            '/mnt/memory/team-notes',
            '/mnt/memory/team-notes-2',
            `/mnt/memory/${stores[2]?.id.replace('memstore_', '')}`,
            '/mnt/memory/team-notes-3',
          ],
        );
      });

      test('find their sessions, page by page, newest first', async () => {
        const [{ id: one }, { id: two }] = [await newStore(), await newStore()];
        const sessions: Session[] = [];
        for (const ids of [[one], [two], [two, one], [one]]) {
          sessions.push(await open(...ids.map((id) => storeParams(id))));
        }
        const over = async (memory_store_id: string, limit: number, include_archived = false) =>
          (await all(client.beta.sessions.list({ memory_store_id, limit, include_archived }))).map(
            ({ id }) => id,
          );
        const ids = sessions.map(({ id }) => id);
        for (const limit of [1, 2, 100]) {
          assert.deepEqual(await over(one, limit), [ids[3], ids[2], ids[0]]);
          assert.deepEqual(await over(two, limit), [ids[2], ids[1]]);
        }
        const page = await client.beta.sessions.list({ memory_store_id: one, limit: 1 });
        const second = await page.getNextPage();
        assert.equal(second.data[0]?.id, ids[2]);
        await client.beta.sessions.archive(ids[2] ?? '');
        assert.deepEqual(await over(two, 10), [ids[1]]);
        assert.deepEqual(await over(two, 10, true), [ids[2], ids[1]]);
        await client.beta.sessions.delete(ids[2] ?? '');
        assert.deepEqual(await over(two, 10, true), [ids[1]]);
        assert.deepEqual(await over('memstore_01no', 10, true), []);
      });
    });

    describe('of type github_repository', () => {
      test('get another token, of which nothing but the time is shown', async () => {
        const session = await open(
          repository(),
          repository({ mount_path: '/workspace/b', authorization_token: 'a' }),
        );
        for (const resource of session.resources) {
          const params = { session_id: session.id, authorization_token: 'b' };
          const updated = await client.beta.sessions.resources.update(idOf(resource), params);
          assert.ok('updated_at' in updated && 'updated_at' in resource);
          assert.ok(updated.updated_at > resource.updated_at);
          assert.deepEqual({ ...updated }, { ...resource, updated_at: updated.updated_at });
          const now = await client.beta.sessions.retrieve(session.id);
          assert.deepEqual(
            now.resources.find((each) => idOf(each) === resource.id),
            { ...updated },
          );
          assert.equal(now.updated_at, updated.updated_at);
        }
        assert.deepEqual(await listAll(client, session.id), [], 'no event tells of it');
      });

      test('are missed by each turn until they can be cloned, which says so and goes on', async () => {
        const other = 'https://github.com/ants/nest';
        const { id } = await open(repository(), repository({ url: other }));
        const errorsIn = (events: readonly { type: string; error?: unknown }[]) =>
          events.filter(({ type }) => type === 'session.error').map(({ error }) => error);
        for (const text of ['hello', 'hello again']) {
          const events = await say(client, id, text);
          assert.notEqual(spoken(events), '');
          assert.deepEqual(
            errorsIn(events),
            [url, other].map((each) => ({
              type: 'repository_clone_error',
              repository_url: each,
              message: `Could not clone ${each}: its server could not be connected to.`,
              retry_status: { type: 'retrying' },
            })),
          );
        }
      });
    });

    test('of an archived session stay as they are', async () => {
      const store = await newStore();
      const session = await open(repository({ authorization_token: 'a' }), storeParams(store.id));
      await client.beta.sessions.archive(session.id);
      const params = { session_id: session.id, authorization_token: 'b' };
      await assert.rejects(
        client.beta.sessions.resources.update(idOf(session.resources[0]), params),
        bad(/^Session sesn_\w+ is archived \(and read-only\)/),
      );
      assert.deepEqual(await all(client.beta.sessions.resources.list(session.id)), session.resources);
    });

    test('are given to a session all or not at all', async () => {
      const [kept, archived] = [await newStore(), await newStore()];
      await client.beta.memoryStores.archive(archived.id);
      const { agent, environment_id } = await openSession(client);
      const create = (resources: Params[], more: object = {}) =>
        client.beta.sessions.create({ agent: agent.id, environment_id, resources, ...more });
      const sessions = async () => (await all(client.beta.sessions.list())).map(({ id }) => id);
      const earlier = await sessions();
      const wanted = [repository({ authorization_token: 'a' }), storeParams(kept.id)];
      await assert.rejects(
        create([...wanted, storeParams(archived.id)]),
        bad(`Memory store ${archived.id} is archived.`),
      );
      await assert.rejects(create(wanted, { vault_ids: ['vlt_01no'] }), absent('Vault not found: vlt_01no'));
      const image = { type: 'image', source: { type: 'file', file_id: 'file_01no' } };
      const initial_events = [{ type: 'user.message', content: [image] }];
      await assert.rejects(create(wanted, { initial_events }), bad(/file_01no/));
      assert.deepEqual(await sessions(), earlier);
      assert.deepEqual(await all(client.beta.sessions.list({ memory_store_id: kept.id })), []);
    });

    test('survive a crash', async () => {
      const store = await newStore();
      const { id, resources } = await open(repository({ authorization_token: 'a' }), storeParams(store.id));
      const params = { session_id: id, authorization_token: 'b' };
      const updated = await client.beta.sessions.resources.update(idOf(resources[0]), params);
      await server.kill();
      await startAgain();
      const { data } = await client.beta.sessions.resources.list(id);
      assert.deepEqual(data, [{ ...updated }, resources[1]]);
      const [found] = (await client.beta.sessions.list({ memory_store_id: store.id })).data;
      assert.equal(found?.id, id);
    });

    test('of another session, or of none, are not found', async () => {
      const [mine, other] = [await open(repository()), await openSession(client)];
      const id = idOf(mine.resources[0]);
      const { resources } = client.beta.sessions;
      const says = absent(`Session resource not found: ${id}`);
      await assert.rejects(resources.retrieve(id, { session_id: other.id }), says);
      await assert.rejects(resources.update(id, { session_id: other.id, authorization_token: 'a' }), says);
      const nowhere = { session_id: 'sesn_01no' };
      const lost = absent('Session not found: sesn_01no');
      await assert.rejects(resources.retrieve(id, nowhere), lost);
      await assert.rejects(resources.update(id, { ...nowhere, authorization_token: 'a' }), lost);
      await assert.rejects(resources.list('sesn_01no'), lost);
    });

    test('nothing of this was logged as an error', () => {
      assert.deepEqual(server.errors(), []);
    });
  },
);
