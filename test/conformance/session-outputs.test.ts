import assert from 'node:assert/strict';
import { test } from 'node:test';
import { absent, all } from '../support/sdk-calls.ts';
import { filesOnDisk, fillOutputs } from '../support/server-files.ts';
import type { Session } from '../support/server-sessions.ts';
import { atRest, collect, interrupt, message, openSession, say, send } from '../support/server-sessions.ts';
import { describeServer } from '../support/server-suite.ts';
import { runIn } from '../support/server-tools.ts';

const outputs = '/mnt/session/outputs';

describeServer('outputs of a session', ({ home, server, client, startAgain }) => {
  const open = () => openSession(client);
  const run = ({ id }: Session, command: string) => runIn(client, id, `cd ${outputs}; ${command}`);
  const filesOf = ({ id }: Session) =>
    all(client.beta.files.list({ scope_id: id, betas: ['managed-agents-2026-04-01'] }));
  const textOf = async (id: string) => await (await client.files.download(id)).text();
  /** Names and contents. */
  const contentsOf = async (session: Session) => {
    const files = await filesOf(session);
    const contents = await Promise.all(files.map(async ({ id, filename }) => [filename, await textOf(id)]));
    return contents.sort();
  };

  test('are files of it once it is idle: downloadable, and listed with it only', async () => {
    const session = await open();
    await run(session, 'echo -n "a,b" > report.csv; mkdir -p charts; echo -n x > charts/one');
    const files = (await filesOf(session)).sort((a, b) => (a.filename < b.filename ? -1 : 1));
    assert.deepEqual(
      files.map(({ id, created_at, ...file }) => file),
      [['one', 'application/octet-stream', 1] as const, ['report.csv', 'text/csv', 3] as const].map(
        ([filename, mime_type, size_bytes]) => ({
          type: 'file',
          filename,
          mime_type,
          size_bytes,
          downloadable: true,
          expires_at: null,
          scope: { type: 'session', id: session.id },
        }),
      ),
    );
    assert.deepEqual(await contentsOf(session), [
      ['one', 'x'],
      ['report.csv', 'a,b'],
    ]);
    const listed = (await all(client.files.list())).map(({ id }) => id);
    assert.ok(!files.some(({ id }) => listed.includes(id)));
    assert.deepEqual(await filesOf(await open()), []);
  });

  test('are there when the stream says that a tool is done', async () => {
    const session = await open();
    const isResult = ({ type }: { type: string }) => type === 'agent.tool_result';
    const ask = message(`run \`echo -n now > ${outputs}/a\` then run \`sleep 1\``);
    await collect(client, session.id, () => send(client, session.id, ask), isResult);
    assert.deepEqual(await contentsOf(session), [['a', 'now']]);
    await atRest(client, session.id);
  });

  test('are one file each: unchanged they keep their ids, rewritten they get new ones', async () => {
    const session = await open();
    await run(session, 'echo -n one > a; echo -n same > b; mkdir d; echo -n same > d/b');
    const first = await filesOf(session);
    const idOf = async (name: string) =>
      (await filesOf(session)).find(({ filename }) => filename === name)?.id;
    const a = await idOf('a');
    await run(session, 'touch a; cat b; echo -n same > b');
    assert.deepEqual(await filesOf(session), first);
    await run(session, 'echo -n two > a');
    assert.notEqual(await idOf('a'), a);
    await assert.rejects(client.files.retrieveMetadata(a ?? ''), absent(`File \`${a}\` not found.`));
    assert.deepEqual(await contentsOf(session), [
      ['a', 'two'],
      ['b', 'same'],
      ['b', 'same'],
    ]);
    await run(session, 'rm a');
    assert.equal((await filesOf(session)).length, 3, 'what was handed over stays');
  });

  test('that a client deletes come again only when they change', async () => {
    const session = await open();
    await run(session, 'echo -n one > a');
    const [file] = await filesOf(session);
    await client.files.delete(file?.id ?? '');
    await run(session, 'ls');
    assert.deepEqual(await filesOf(session), []);
    await run(session, 'echo -n one > a');
    assert.deepEqual(await contentsOf(session), [['a', 'one']]);
  });

  test('made in the background, or by a call that was interrupted, are there when it is idle', async () => {
    const session = await open();
    await run(session, '(sleep 0.3; echo -n late > late) >/dev/null 2>&1 &');
    await new Promise((resolve) => setTimeout(resolve, 500));
    await say(client, session.id, 'hello');
    assert.deepEqual(await contentsOf(session), [['late', 'late']]);
    const isUse = ({ type }: { type: string }) => type === 'agent.tool_use';
    const ask = message(`run: echo -n half > ${outputs}/half; sleep 60`);
    await collect(client, session.id, () => send(client, session.id, ask), isUse);
    await new Promise((resolve) => setTimeout(resolve, 500));
    await collect(client, session.id, () => send(client, session.id, interrupt));
    assert.deepEqual(await contentsOf(session), [
      ['half', 'half'],
      ['late', 'late'],
    ]);
  });

  test('are regular files: nothing of the machine comes with them', async () => {
    const session = await open();
    const hostile = [
      'ln -s /etc/passwd link',
      'ln -s /mnt/session/outputs loop',
      'ln -s / root',
      'mkfifo pipe',
      'ln /workspace/w hard 2>/dev/null',
      'python3 -c "import socket; socket.socket(socket.AF_UNIX).bind(\\"socket\\")"',
      'echo -n good > good',
    ];
    await run(session, `echo w > /workspace/w; ${hostile.join('; ')}`);
    assert.deepEqual(await contentsOf(session), [['good', 'good']]);
  });

  test('too large, even if they hold nothing, are not handed over; the agent is told once', async () => {
    const session = await open();
    const said = await run(session, 'truncate -s 600M sparse; echo -n small > small');
    assert.match(said, /\/mnt\/session\/outputs\/sparse: not handed over: it has 629145600 bytes/);
    assert.doesNotMatch(await run(session, 'echo again'), /sparse/);
    assert.deepEqual(await contentsOf(session), [['small', 'small']]);
    await run(session, 'truncate -s 1 sparse');
    assert.equal((await filesOf(session)).length, 2);
  });

  test('are at most a thousand', async () => {
    const session = await open();
    fillOutputs(home, session.id, 960);
    const said = await run(session, 'for n in $(seq 42); do echo $n > $n; done');
    assert.match(said, /not handed over: 1000 files are handed over already/);
    assert.equal((await filesOf(session)).length, 40);
  });

  test('have any name that a file can have', async () => {
    const session = await open();
    const said = await run(session, 'touch "a b:ä?.txt" "$(printf "c\\nd")" "$(printf "\\377")"');
    assert.match(said, /its name is not valid UTF-8/);
    assert.deepEqual((await filesOf(session)).map(({ filename }) => filename).sort(), ['a b:ä?.txt', 'c_d']);
  });

  test('survive a crash, stay when the session is archived, and go with it', async () => {
    const session = await open();
    await run(session, 'echo -n "kept in outputs" > a');
    const files = await filesOf(session);
    await server.kill();
    await startAgain();
    await run(session, 'ls');
    assert.deepEqual(await filesOf(session), files);
    await client.beta.sessions.archive(session.id);
    assert.deepEqual(await contentsOf(session), [['a', 'kept in outputs']]);
    const before = filesOnDisk(home).contents.length;
    await client.beta.sessions.delete(session.id);
    assert.deepEqual(await filesOf(session), []);
    assert.equal(filesOnDisk(home).contents.length, before - 1);
  });
});
