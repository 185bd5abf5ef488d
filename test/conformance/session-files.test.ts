import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import type Anthropic from '@anthropic-ai/sdk';
import { toFile } from '@anthropic-ai/sdk';
import { absent, all, bad, refused } from '../support/sdk-calls.ts';
import { setFile } from '../support/server-files.ts';
import type { AgentParams, Session, StreamedEvent } from '../support/server-sessions.ts';
import {
  atRest,
  collect,
  listAll,
  message,
  openSession,
  say,
  send,
  toolset,
} from '../support/server-sessions.ts';
import { describeServer } from '../support/server-suite.ts';
import { without } from '../support/server-vaults.ts';

type Params = NonNullable<Parameters<Anthropic['beta']['sessions']['create']>[0]['resources']>[number];
type FileResource = Extract<Session['resources'][number], { type: 'file' }>;
const mounted = (file_id: string, mount_path?: string): Params => ({
  type: 'file',
  file_id,
  ...(mount_path === undefined ? {} : { mount_path }),
});

function textsOf(event: StreamedEvent): string[] {
  if (event.type !== 'agent.tool_result') return [];
  return (event.content ?? []).map((block) => ('text' in block ? block.text : ''));
}

describeServer('files of a session', ({ home, server, client, startAgain }) => {
  const upload = async (content: string, name = 'data.csv') =>
    await client.files.upload({ file: await toFile(Buffer.from(content), name, { type: 'text/csv' }) });
  const open = (resources: Params[], agent: Partial<AgentParams> = {}) =>
    openSession(client, agent, { resources });
  const filesOf = ({ resources }: Session) =>
    resources.filter((resource): resource is FileResource => resource.type === 'file');
  const copiesOf = (sessionId: string) =>
    all(client.beta.files.list({ scope_id: sessionId, betas: ['managed-agents-2026-04-01'] }));
  const now = (id: string) => client.beta.sessions.retrieve(id);
  const run = async (id: string, command: string) =>
    (await say(client, id, `run: ${command}`)).flatMap(textsOf).join('\n');

  test('are copies of their own, at places below the uploads', async () => {
    const [one, two] = [await upload('1', 'one.csv'), await upload('22', 'two.csv')];
    const session = await open([mounted(one.id), mounted(two.id, '/a/b.csv'), mounted(one.id, '/uploads/c')]);
    const files = filesOf(session);
    const { created_at } = session;
    assert.deepEqual(
      files.map((file) => without(file, 'id', 'file_id')),
      [`${one.id}`, 'a/b.csv', 'c'].map((path) => ({
        type: 'file',
        mount_path: `/mnt/session/uploads/${path}`,
        created_at,
        updated_at: created_at,
      })),
    );
    assert.equal(new Set([one.id, two.id, ...files.map(({ file_id }) => file_id)]).size, 5);
    for (const [index, { id, file_id }] of files.entries()) {
      assert.match(id, /^sesrsc_01\w{22}$/);
      const source = index === 1 ? two : one;
      const copy = await client.files.retrieveMetadata(file_id);
      assert.deepEqual(
        { ...copy },
        {
          ...source,
          id: file_id,
          created_at,
          downloadable: false,
          scope: { type: 'session', id: session.id },
        },
      );
      await assert.rejects(client.files.download(file_id), bad(/not downloadable/, 'file_not_downloadable'));
    }
    assert.deepEqual(
      (await copiesOf(session.id)).map(({ id }) => id).sort(),
      files.map(({ file_id }) => file_id).sort(),
    );
    const listed = (await all(client.files.list())).map(({ id }) => id);
    assert.deepEqual(
      [one.id, two.id].filter((id) => listed.includes(id)),
      [one.id, two.id],
    );
    assert.ok(!files.some(({ file_id }) => listed.includes(file_id)));
  });

  test('are read by the agent, come and go, and cannot be changed by it', async () => {
    const [one, two] = [await upload('first\n'), await upload('second\n')];
    const { id, resources } = await open([mounted(one.id, '/one.csv')]);
    await client.files.delete(one.id);
    const list = 'cd /mnt/session/uploads && grep -r . . | sort';
    assert.equal(await run(id, list), './one.csv:first');
    const added = await client.beta.sessions.resources.add(id, {
      type: 'file',
      file_id: two.id,
      mount_path: 'a/two.csv',
    });
    assert.equal(await run(id, list), './a/two.csv:second\n./one.csv:first');
    assert.match(
      await run(id, 'echo x > /mnt/session/uploads/one.csv'),
      /Read-only file system|Permission denied/,
    );
    const [first] = resources as FileResource[];
    await client.beta.sessions.resources.delete(first?.id ?? '', { session_id: id });
    assert.equal(await run(id, list), './a/two.csv:second');
    await server.kill();
    await startAgain();
    assert.equal(await run(id, list), './a/two.csv:second');
    assert.deepEqual((await now(id)).resources, [{ ...added }]);
  });

  test('are added to a session and taken out again, without an event', async () => {
    const { id: source } = await upload('x');
    const session = await open([]);
    const { resources } = client.beta.sessions;
    const added = await resources.add(session.id, { type: 'file', file_id: source });
    assert.deepEqual(without(added, 'id', 'file_id', 'created_at', 'updated_at'), {
      type: 'file',
      mount_path: `/mnt/session/uploads/${source}`,
    });
    assert.notEqual(added.file_id, source);
    const after = await now(session.id);
    assert.deepEqual(after.resources, [{ ...added }]);
    assert.equal(after.updated_at, added.created_at);
    assert.deepEqual({ ...(await resources.retrieve(added.id, { session_id: session.id })) }, { ...added });
    assert.deepEqual(await all(resources.list(session.id)), [{ ...added }]);
    const other = await resources
      .add(session.id, { type: 'file', file_id: source, mount_path: null })
      .catch((cause) => cause);
    bad(`mount_path: ${added.mount_path} is already taken by ${added.id}`)(other);
    const second = await resources.add(session.id, { type: 'file', file_id: source, mount_path: '/b' });
    const params = { session_id: session.id };
    assert.deepEqual(
      { ...(await resources.delete(added.id, params)) },
      { id: added.id, type: 'session_resource_deleted' },
    );
    await assert.rejects(
      resources.delete(added.id, params),
      absent(`Session resource not found: ${added.id}`),
    );
    await assert.rejects(
      client.files.retrieveMetadata(added.file_id),
      absent(`File \`${added.file_id}\` not found.`),
    );
    assert.deepEqual((await now(session.id)).resources, [{ ...second }]);
    assert.deepEqual(
      (await copiesOf(session.id)).map(({ id }) => id),
      [second.file_id],
    );
    assert.equal((await client.files.retrieveMetadata(source)).id, source);
    assert.deepEqual(await listAll(client, session.id), []);
    const third = await resources.add(session.id, { type: 'file', file_id: source });
    assert.deepEqual((await now(session.id)).resources, [{ ...second }, { ...third }]);
  });

  test('are added while the agent works, and seen by its next call', async () => {
    const { id: file_id } = await upload('now\n');
    const { id } = await open([]);
    const go = join(home.dataDir, 'sessions', id, 'tmp', 'go');
    const wait = 'until [ -e /tmp/go ]; do sleep 0.02; done';
    const ask = message(`run \`${wait}\` then run \`cat /mnt/session/uploads/late\``);
    const isUse = ({ type }: StreamedEvent) => type === 'agent.tool_use';
    await collect(client, id, () => send(client, id, ask), isUse);
    const rest = collect(client, id, async () => {
      assert.equal((await now(id)).status, 'running');
      await client.beta.sessions.resources.add(id, { type: 'file', file_id, mount_path: 'late' });
      mkdirSync(dirname(go), { recursive: true });
      writeFileSync(go, '');
    });
    assert.deepEqual((await rest).flatMap(textsOf), ['(no output)', 'now']);
  });

  test('stay in the list when their copy is deleted, and no tool fails for it', async () => {
    const [one, two] = [await upload('1'), await upload('2')];
    const session = await open([mounted(one.id, '/a'), mounted(two.id, '/b')]);
    const [first] = filesOf(session);
    await client.files.delete(first?.file_id ?? '');
    assert.deepEqual((await now(session.id)).resources, session.resources);
    assert.equal(await run(session.id, 'ls /mnt/session/uploads'), 'b');
  });

  test('go with their session, and stay when it is archived', async () => {
    const { id: source } = await upload('x');
    const session = await open([mounted(source), mounted(source, '/b')]);
    const files = filesOf(session);
    await client.beta.sessions.archive(session.id);
    for (const { file_id } of files) await client.files.retrieveMetadata(file_id);
    await client.beta.sessions.delete(session.id);
    for (const { file_id } of files) {
      await assert.rejects(client.files.retrieveMetadata(file_id), absent(`File \`${file_id}\` not found.`));
    }
    assert.deepEqual(await copiesOf(session.id), []);
    assert.equal((await client.files.retrieveMetadata(source)).id, source);
  });

  describe('are refused, and nothing is written,', () => {
    const url = 'https://github.com/ants/hill';
    const cases: readonly (readonly [
      name: string,
      resources: (id: string) => Params[],
      says: (id: string) => (cause: unknown) => boolean,
    ])[] = [
      [
        'when one is unknown',
        (id) => [mounted(id), mounted('file_01no')],
        () => absent('File `file_01no` not found.'),
      ],
      [
        'twice at one place',
        (id) => [mounted(id), mounted(id)],
        (id) => bad(`resources[1]: /mnt/session/uploads/${id} is already taken by resources[0]`),
      ],
      [
        'twice at one place spelt differently',
        (id) => [
          mounted(id, '/data.csv'),
          { type: 'github_repository', url },
          mounted(id, 'mnt/session/uploads//./data.csv'),
        ],
        () => bad('resources[2]: /mnt/session/uploads/data.csv is already taken by resources[0]'),
      ],
      [
        'one inside another',
        (id) => [mounted(id, '/a/b'), mounted(id, '/a')],
        () => bad('resources[1]: /mnt/session/uploads/a overlaps /mnt/session/uploads/a/b of resources[0]'),
      ],
      [
        'out of the uploads',
        (id) => [mounted(id, '../b')],
        () => bad('resources[0].mount_path: must not contain ".."'),
      ],
      [
        'as a directory',
        (id) => [mounted(id, '/a/')],
        () => bad('resources[0].mount_path: must name a file'),
      ],
      [
        'with a path too long',
        (id) => [mounted(id, 'a'.repeat(4097))],
        () => bad('resources[0].mount_path: must be at most 4096 characters'),
      ],
      [
        'when there are too many',
        (id) => Array.from({ length: 501 }, (_, at) => mounted(id, `/${at}`)),
        () => bad('resources: at most 500 files are allowed'),
      ],
    ];
    for (const [name, resources, says] of cases) {
      test(name, async () => {
        const { id } = await upload('x');
        const { agent, environment_id } = await openSession(client);
        const files = async () => (await all(client.files.list())).map((file) => file.id);
        const sessions = async () => (await all(client.beta.sessions.list())).map((session) => session.id);
        const earlier = [await files(), await sessions()];
        await assert.rejects(
          client.beta.sessions.create({ agent: agent.id, environment_id, resources: resources(id) }),
          says(id),
        );
        assert.deepEqual([await files(), await sessions()], earlier);
      });
    }

    test('when one has expired', async () => {
      const { id } = await upload('x');
      setFile(home, id, 'expires_at_us', 1);
      const details = { error_code: 'file_expired' };
      const says = refused(404, 'not_found_error', `file_expired: File \`${id}\` has expired.`, { details });
      const session = await openSession(client);
      const sessions = async () => (await all(client.beta.sessions.list())).map((each) => each.id);
      const earlier = await sessions();
      const { agent, environment_id } = session;
      const create = { agent: agent.id, environment_id, resources: [mounted(id)] };
      await assert.rejects(client.beta.sessions.create(create), says);
      assert.deepEqual(await sessions(), earlier);
      await assert.rejects(
        client.beta.sessions.resources.add(session.id, { type: 'file', file_id: id }),
        says,
      );
      assert.deepEqual((await now(session.id)).resources, []);
    });

    test('when no tool can read them', async () => {
      const { id: file_id } = await upload('x');
      const off = { ...toolset, configs: [{ name: 'read' as const, enabled: false }] };
      const rule = 'files need the read tool of the agent toolset to be enabled';
      for (const tools of [[], [off]]) {
        await assert.rejects(open([mounted(file_id)], { tools }), bad(`resources[0]: ${rule}`));
        const { id } = await open([], { tools });
        const added = client.beta.sessions.resources.add(id, { type: 'file', file_id });
        await assert.rejects(added, bad(`resource: ${rule}`));
      }
    });

    test('later, by the same rules, and once the session is archived', async () => {
      const { id: file_id } = await upload('x');
      const session = await open([mounted(file_id, '/a/b'), { type: 'github_repository', url }]);
      const add = (more: object = {}, id = session.id) =>
        client.beta.sessions.resources.add(id, { type: 'file', file_id, ...more });
      const [first, repository] = session.resources as FileResource[];
      const params = { session_id: session.id };
      await assert.rejects(
        add({ mount_path: '/a' }),
        bad(`mount_path: /mnt/session/uploads/a overlaps /mnt/session/uploads/a/b of ${first?.id}`),
      );
      await assert.rejects(add({ mount_path: '/a/../b' }), bad('mount_path: must not contain ".."'));
      await assert.rejects(add({ file_id: 'file_01no' }), absent('File `file_01no` not found.'));
      await assert.rejects(add({}, 'sesn_01no'), absent('Session not found: sesn_01no'));
      await assert.rejects(
        add({ type: 'github_repository', url }),
        bad('Failed to parse request: type: "github_repository" is not a valid value; expected one of file'),
      );
      await assert.rejects(add({ name: 'x' }), bad('Failed to parse request body: unknown field "name"'));
      await assert.rejects(
        client.beta.sessions.resources.delete(repository?.id ?? '', params),
        bad(
          `Session resource ${repository?.id} is a github_repository; only a file can be removed from a session`,
        ),
      );
      await assert.rejects(
        client.beta.sessions.resources.update(first?.id ?? '', { ...params, authorization_token: 'a' }),
        bad(`Session resource ${first?.id} is a file; only a github_repository can be updated`),
      );
      assert.deepEqual((await now(session.id)).resources, session.resources);
      await client.beta.sessions.archive(session.id);
      const archived = bad(/^Session sesn_\w+ is archived \(and read-only\)/);
      await assert.rejects(add({ mount_path: '/b' }), archived);
      await assert.rejects(client.beta.sessions.resources.delete(first?.id ?? '', params), archived);
      assert.equal((await copiesOf(session.id)).length, 1);
    });
  });

  test('can be five hundred, and no more', async () => {
    const { id: file_id } = await upload('x');
    const { id, resources } = await open(Array.from({ length: 500 }, (_, at) => mounted(file_id, `/${at}`)));
    assert.equal(resources.length, 500);
    const add = () => client.beta.sessions.resources.add(id, { type: 'file', file_id, mount_path: '/more' });
    await assert.rejects(add(), bad('resources: at most 500 files are allowed'));
    const [first] = resources as FileResource[];
    await client.beta.sessions.resources.delete(first?.id ?? '', { session_id: id });
    await add();
    assert.equal((await all(client.beta.sessions.resources.list(id, { limit: 200 }))).length, 500);
    await send(client, id, message('run: ls /mnt/session/uploads | wc -l'));
    await atRest(client, id);
  });

  test('nothing of this was logged as an error', () => {
    assert.deepEqual(server.errors(), []);
  });
});
