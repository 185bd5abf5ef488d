import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { all } from '../support/sdk-calls.ts';
import { fillStore } from '../support/server-memory.ts';
import type { Session } from '../support/server-sessions.ts';
import { openSession, say } from '../support/server-sessions.ts';
import { describeServer } from '../support/server-suite.ts';
import { runIn } from '../support/server-tools.ts';

type Access = 'read_only' | 'read_write';
const list = 'cd /mnt/memory/notes && grep -r . . | sort';

describeServer('memory stores in the sandbox', ({ home, server, client, startAgain }) => {
  const stores = () => client.beta.memoryStores;
  /** A store named Notes, with these memories. */
  const store = async (memories: Readonly<Record<string, string>> = {}) => {
    const { id } = await stores().create({ name: 'Notes' });
    for (const [path, content] of Object.entries(memories))
      await stores().memories.create(id, { path, content });
    return id;
  };
  const open = (ids: readonly string[], access: Access = 'read_write'): Promise<Session> =>
    openSession(
      client,
      {},
      {
        resources: ids.map((memory_store_id) => ({ type: 'memory_store', memory_store_id, access })),
      },
    );
  const run = (session: Session, command: string) => runIn(client, session.id, command);
  /** Paths and contents. */
  const memoriesOf = async (id: string) =>
    Object.fromEntries(
      (await all(stores().memories.list(id, { view: 'full' }))).map((memory) => [
        memory.path,
        'content' in memory ? memory.content : null,
      ]),
    );
  const find = async (id: string, path: string) => {
    const found = (await all(stores().memories.list(id))).find((memory) => memory.path === path);
    assert.ok(found?.type === 'memory', path);
    return found;
  };
  /** What sessions wrote, oldest first. */
  const versionsBy = async (id: string, session: Session) =>
    (await all(stores().memoryVersions.list(id, { session_id: session.id })))
      .map(({ operation, path, created_by }) => [operation, path, created_by])
      .reverse();
  const by = (session: Session) => ({ type: 'session_actor', session_id: session.id });

  test('are there before the first call, each at its place', async () => {
    const one = await store({ '/todo.md': 'first', '/a/b/c.md': 'deep' });
    const { id: two } = await stores().create({ name: 'Notes!' });
    const session = await open([one, two]);
    assert.equal(await run(session, list), './a/b/c.md:deep\n./todo.md:first');
    assert.equal(await run(session, 'ls -A /mnt/memory; ls -A /mnt/memory/notes-2'), 'notes\nnotes-2');
    assert.match(await run(session, 'touch /mnt/memory/x'), /Read-only file system/);
  });

  test('get what the agent writes, as versions by the session', async () => {
    const id = await store({ '/todo.md': 'first', '/old.md': 'old', '/same.md': 'same' });
    const before = await find(id, '/todo.md');
    const session = await open([id]);
    const commands = 'echo -n second > todo.md; mkdir x; echo -n new > x/new.md; rm old.md; touch same.md';
    assert.equal(await run(session, `cd /mnt/memory/notes; ${commands}`), '(no output)');
    assert.deepEqual(await memoriesOf(id), { '/same.md': 'same', '/todo.md': 'second', '/x/new.md': 'new' });
    assert.equal((await find(id, '/todo.md')).id, before.id);
    assert.deepEqual((await versionsBy(id, session)).sort(), [
      ['created', '/x/new.md', by(session)],
      ['deleted', '/old.md', by(session)],
      ['modified', '/todo.md', by(session)],
    ]);
    await run(session, 'ls');
    assert.equal((await versionsBy(id, session)).length, 3);
  });

  test('are written by the file tools too', async () => {
    const id = await store({ '/todo.md': 'ants and bees' });
    const session = await open([id]);
    await say(client, session.id, 'write "hello" to /mnt/memory/notes/a.md');
    await say(client, session.id, 'replace "bees" with "wasps" in /mnt/memory/notes/todo.md');
    assert.deepEqual(await memoriesOf(id), { '/a.md': 'hello', '/todo.md': 'ants and wasps' });
  });

  test('know a memory again that was moved', async () => {
    const id = await store({ '/a.md': 'text' });
    const { id: memoryId } = await find(id, '/a.md');
    const session = await open([id]);
    await run(session, 'cd /mnt/memory/notes; mkdir b; mv a.md b/c.md');
    assert.equal((await find(id, '/b/c.md')).id, memoryId);
    assert.deepEqual(await versionsBy(id, session), [['modified', '/b/c.md', by(session)]]);
    await run(session, 'cd /mnt/memory/notes; rm -r b; echo -n other > b');
    assert.deepEqual(await memoriesOf(id), { '/b': 'other' });
  });

  test('show at the next call what others did: the API, and other sessions', async () => {
    const id = await store({ '/a.md': 'a', '/b/b.md': 'b' });
    const [one, two] = [await open([id]), await open([id])];
    assert.equal(await run(one, list), './a.md:a\n./b/b.md:b');
    assert.equal(await run(two, list), './a.md:a\n./b/b.md:b');
    await stores().memories.update((await find(id, '/a.md')).id, { memory_store_id: id, content: 'A' });
    await stores().memories.delete((await find(id, '/b/b.md')).id, { memory_store_id: id });
    await stores().memories.create(id, { path: '/b', content: 'file' });
    assert.equal(await run(one, list), './a.md:A\n./b:file');
    await run(one, 'echo -n one >> /mnt/memory/notes/a.md');
    assert.equal(await run(two, list), './a.md:Aone\n./b:file');
    await run(two, 'cd /mnt/memory/notes; mv b c; echo -n two >> a.md');
    assert.equal(await run(one, list), './a.md:Aonetwo\n./c:file');
    assert.equal((await versionsBy(id, one)).length, 1);
  });

  test('win when both changed the same; the agent is told', async () => {
    const id = await store({ '/a.md': 'base', '/gone.md': 'base' });
    const session = await open([id]);
    // The call waits until the memories have changed under it.
    const wait = 'until [ -e /tmp/go ]; do sleep 0.02; done';
    const edit = 'cd /mnt/memory/notes; echo mine > a.md; echo mine > gone.md; echo mine > new.md';
    await run(session, list);
    const running = run(session, `touch /tmp/ready; ${wait}; ${edit}`);
    await ready(session);
    await stores().memories.update((await find(id, '/a.md')).id, { memory_store_id: id, content: 'theirs' });
    await stores().memories.delete((await find(id, '/gone.md')).id, { memory_store_id: id });
    await stores().memories.create(id, { path: '/new.md', content: 'theirs too' });
    go(session);
    const said = await running;
    assert.match(said, /\/mnt\/memory\/notes\/a\.md: somebody else changed it in the meantime/);
    assert.match(said, /\/mnt\/memory\/notes\/gone\.md: somebody else deleted it in the meantime/);
    assert.match(said, /\/mnt\/memory\/notes\/new\.md: somebody else made it in the meantime/);
    assert.equal(await run(session, list), './a.md:theirs\n./new.md:theirs too');
    assert.deepEqual(await versionsBy(id, session), []);
  });

  test('that are read only reject every write, and still show what others do', async () => {
    const id = await store({ '/a.md': 'a' });
    const session = await open([id], 'read_only');
    const attempts = [
      'echo x > a.md',
      'echo x > b.md',
      'rm -f a.md',
      'mkdir b',
      'chmod u+w a.md',
      'mv a.md b.md',
    ];
    const each = attempts.map((attempt) => `(${attempt}) 2>/dev/null && echo "${attempt}"`);
    assert.equal(await run(session, `cd /mnt/memory/notes; ${each.join('; ')}; ${list}`), './a.md:a');
    await stores().memories.create(id, { path: '/b.md', content: 'b' });
    assert.equal(await run(session, list), './a.md:a\n./b.md:b');
  });

  describe('keep nothing', () => {
    const cases: readonly (readonly [name: string, command: string, says: RegExp])[] = [
      [
        'that is too large',
        'head -c 102401 /dev/zero | tr "\\0" x > big.md',
        /big\.md: not kept: it has more than 102400 bytes/,
      ],
      ['that is not text', 'printf "\\377" > a.bin', /a\.bin: not kept: its content is not UTF-8 text/],
      ['that is a link', 'ln -s /etc/passwd link.md', /link\.md: not kept: only regular files are kept/],
      ['that is a pipe', 'mkfifo pipe', /pipe: not kept: only regular files are kept/],
      [
        'too deep',
        `mkdir -p ${'a/'.repeat(20)} && echo x > ${'a/'.repeat(20)}x`,
        /not kept: its path must have at most 20 segments/,
      ],
      [
        'with a name that is not UTF-8',
        'echo x > $(printf "\\377")',
        /not kept: its path must be valid UTF-8/,
      ],
      [
        'with control characters in its name',
        'echo x > $(printf "a\\001")',
        /not kept: its path must not contain control characters/,
      ],
    ];
    for (const [name, command, says] of cases) {
      test(name, async () => {
        const id = await store({ '/a.md': 'a' });
        const session = await open([id]);
        const events = await say(client, session.id, `run: cd /mnt/memory/notes; ${command}`);
        const result = events.find((event) => event.type === 'agent.tool_result');
        assert.ok(result?.type === 'agent.tool_result');
        assert.match(JSON.stringify(result.content), says);
        assert.equal(result.is_error, true);
        assert.deepEqual(await memoriesOf(id), { '/a.md': 'a' });
        assert.equal(
          await run(session, 'cd /mnt/memory/notes; find . -type f -o -type l -o -type p'),
          './a.md',
        );
      });
    }

    test('beyond what a store can hold', async () => {
      const id = await store();
      fillStore(home, id, 1_998);
      const session = await open([id]);
      const said = await run(session, 'cd /mnt/memory/notes; for n in $(seq 5); do echo -n $n > $n; done');
      assert.match(said, /writing it was not kept: memory store \w+ holds 2000 memories/);
      assert.equal((await all(stores().memories.list(id, { limit: 100 }))).length, 2000);
      assert.equal(await run(session, 'cd /mnt/memory/notes; find . -type f | wc -l'), '2000');
    });

    test('of a memory that grew too large: it is again what it was', async () => {
      const id = await store({ '/a.md': 'a' });
      const session = await open([id]);
      await run(session, 'head -c 200000 /dev/zero | tr "\\0" x >> /mnt/memory/notes/a.md');
      assert.equal(await run(session, list), './a.md:a');
      assert.deepEqual(await memoriesOf(id), { '/a.md': 'a' });
    });
  });

  test('that were archived can be read and emptied, but not written', async () => {
    const id = await store({ '/a.md': 'a', '/b.md': 'b' });
    const session = await open([id]);
    assert.equal(await run(session, list), './a.md:a\n./b.md:b');
    await stores().archive(id);
    const said = await run(session, 'cd /mnt/memory/notes; echo x > a.md; echo x > c.md; rm b.md');
    assert.match(said, /a\.md: writing it was not kept: cannot modify archived resource/);
    assert.match(said, /c\.md: writing it was not kept: cannot modify archived resource/);
    assert.equal(await run(session, list), './a.md:a');
    assert.deepEqual(await memoriesOf(id), { '/a.md': 'a' });
  });

  test('that were deleted are empty, and keep nothing', async () => {
    const id = await store({ '/a/b.md': 'a' });
    const session = await open([id]);
    assert.equal(await run(session, list), './a/b.md:a');
    await stores().delete(id);
    assert.equal(await run(session, 'ls -A /mnt/memory/notes'), '(no output)');
    assert.match(await run(session, 'echo x > /mnt/memory/notes/c.md'), /the memory store was deleted/);
    assert.equal(await run(session, 'ls -A /mnt/memory/notes'), '(no output)');
  });

  test('get what was written in the background before the session goes idle', async () => {
    const id = await store();
    const session = await open([id]);
    await run(session, '(sleep 0.2; echo -n late > /mnt/memory/notes/late.md) >/dev/null 2>&1 &');
    await new Promise((resolve) => setTimeout(resolve, 400));
    await say(client, session.id, 'hello');
    assert.deepEqual(await memoriesOf(id), { '/late.md': 'late' });
  });

  test('are the same after the server was killed', async () => {
    const id = await store({ '/a.md': 'a' });
    const session = await open([id]);
    await run(session, 'echo -n b > /mnt/memory/notes/b.md');
    await server.kill();
    await startAgain();
    await stores().memories.delete((await find(id, '/a.md')).id, { memory_store_id: id });
    assert.equal(await run(session, list), './b.md:b');
    assert.deepEqual(await memoriesOf(id), { '/b.md': 'b' });
    assert.equal((await versionsBy(id, session)).length, 1);
  });

  /** What the host sees of the sandbox's `/tmp`. */
  const tmp = ({ id }: Session, name: string) => join(home.dataDir, 'sessions', id, 'tmp', name);
  const go = (session: Session) => writeFileSync(tmp(session, 'go'), '');
  async function ready(session: Session): Promise<void> {
    while (!existsSync(tmp(session, 'ready'))) await new Promise((resolve) => setTimeout(resolve, 10));
  }
});
