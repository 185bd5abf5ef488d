import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { refused } from '../support/sdk-calls.ts';
import { workerWith } from '../support/server-admin.ts';
import {
  askFirst,
  collect,
  interrupt,
  isIdle,
  listAll,
  message,
  say,
  send,
  spoken,
  toolset,
  weather,
} from '../support/server-sessions.ts';
import { describeServer } from '../support/server-suite.ts';
import type { Queue } from '../support/server-work.ts';
import { openQueue, tokenOf } from '../support/server-work.ts';

const scenarios = {
  mixed: `rules:
  - when: { step: 0 }
    reply:
      - { tool: bash, input: { command: echo mixed } }
      - { tool: weather, input: { city: Ulm } }
  - reply: [{ text: "{{last_tool_result}}" }]
`,
  broken: `rules:
  - when: { step: 0 }
    reply: [{ tool: bash, malformed_input: '{"command": "rm' }]
  - reply: [{ text: "{{last_tool_result}}" }]
`,
};

describeServer({ name: 'the official worker', scenarios }, ({ server, client }) => {
  const directory = mkdtempSync(join(tmpdir(), 'anthill-worker-'));
  const running = new AbortController();
  const workers: Promise<void>[] = [];
  after(async () => {
    running.abort();
    await Promise.allSettled(workers);
    rmSync(directory, { recursive: true });
  });

  /** The SDK's own, on a directory of its own. */
  function startWorker(queue: Queue, signal = running.signal): string {
    const workdir = join(directory, `work-${workers.length}`);
    mkdirSync(workdir);
    const worker = client.beta.environments.work.worker({
      environmentId: queue.environmentId,
      environmentKey: queue.key,
      workdir,
      maxIdleMs: 2_000,
    });
    workers.push(worker.run(signal).catch(() => {}));
    return workdir;
  }
  const isDone = (event: { readonly type: string; readonly stop_reason?: unknown }) =>
    isIdle(event) && JSON.stringify(event).includes('end_turn');
  const turn = (id: string, act: () => Promise<unknown>) => collect(client, id, act, isDone);

  test('runs the sandbox tools of a session, turn after turn', async () => {
    const queue = await openQueue(server);
    const workdir = startWorker(queue);
    const session = await queue.open();
    await turn(session.id, () => send(client, session.id, message('run `echo hello > a.txt; cat a.txt`')));
    assert.equal(readFileSync(join(workdir, 'a.txt'), 'utf8'), 'hello\n');
    const events = await listAll(client, session.id);
    const types = events.map(({ type }) => type);
    const use = types.indexOf('agent.tool_use');
    const idle = events.find((event) => event.type === 'session.status_idle');
    const id = events[use]?.id;
    assert.deepEqual(idle?.type === 'session.status_idle' && idle.stop_reason, {
      type: 'requires_action',
      event_ids: [id],
    });
    const result = events.find((event) => event.type === 'user.tool_result');
    assert.ok(result?.type === 'user.tool_result');
    assert.deepEqual([result.tool_use_id, typeof result.processed_at], [id, 'string']);
    assert.match(JSON.stringify(result.content), /hello/);
    assert.ok(!types.includes('agent.tool_result'));
    await turn(session.id, () => send(client, session.id, message('run `cat a.txt`')));
    assert.match(spoken(await listAll(client, session.id)), /hello/);
  });

  test('waits for a confirmation, and runs nothing that was denied', async () => {
    const queue = await openQueue(server);
    startWorker(queue);
    const session = await queue.open({ tools: [askFirst] });
    for (const result of ['allow', 'deny'] as const) {
      await say(client, session.id, `run \`echo ${result}\``);
      const events = await listAll(client, session.id);
      const use = events.findLast((event) => event.type === 'agent.tool_use');
      const confirm = { type: 'user.tool_confirmation', tool_use_id: use?.id ?? '', result } as const;
      await turn(session.id, () => send(client, session.id, confirm));
    }
    const results = (await listAll(client, session.id)).filter(
      (event) => event.type === 'user.tool_result' || event.type === 'agent.tool_result',
    );
    assert.deepEqual(
      results.map(({ type, is_error }) => [type, is_error ?? false]),
      [
        ['user.tool_result', false],
        ['agent.tool_result', true],
      ],
    );
  });

  test('answers beside a client that has custom tools', async () => {
    const queue = await openQueue(server);
    startWorker(queue);
    const session = await queue.open({ model: 'scripted/mixed', tools: [toolset, weather] });
    const answered = (event: { readonly type: string }) => event.type === 'user.tool_result';
    await collect(client, session.id, () => send(client, session.id, message('go')), answered);
    const use = (await listAll(client, session.id)).find((event) => event.type === 'agent.custom_tool_use');
    await turn(session.id, () =>
      send(client, session.id, {
        type: 'user.custom_tool_result',
        custom_tool_use_id: use?.id ?? '',
        content: [{ type: 'text', text: 'sunny' }],
      }),
    );
    assert.match(spoken(await listAll(client, session.id)), /sunny/);
  });

  test('is not given what the model did not say in full', async () => {
    const queue = await openQueue(server);
    const session = await queue.open({ model: 'scripted/broken' });
    await turn(session.id, () => send(client, session.id, message('go')));
    const events = await listAll(client, session.id);
    const use = events.find((event) => event.type === 'agent.tool_use');
    assert.equal(use?.type === 'agent.tool_use' && use.evaluated_permission, 'deny');
    assert.match(spoken(events), /not valid JSON/);
  });

  test('only workers answer for sandboxes, each call once, and only what they may', async () => {
    const queue = await openQueue(server);
    const session = await queue.open({ tools: [askFirst, weather] });
    const work = await say(client, session.id, 'run `ls`').then(() => queue.poll());
    assert.ok(work);
    const mine = workerWith(server, tokenOf(work));
    const use = (await listAll(client, session.id)).find((event) => event.type === 'agent.tool_use');
    const content = [{ type: 'text' as const, text: 'ants' }];
    const result = { type: 'user.tool_result' as const, tool_use_id: use?.id ?? '', content };
    await assert.rejects(
      send(client, session.id, result),
      refused(403, 'permission_error', /only accepted from workers/),
    );
    await assert.rejects(
      send(mine, session.id, result),
      refused(400, 'invalid_request_error', /waiting for a confirmation, not for a result/),
    );
    await assert.rejects(
      send(mine, session.id, message('hello')),
      refused(403, 'permission_error', /can only send user.tool_result/),
    );
    const confirm = { type: 'user.tool_confirmation', tool_use_id: use?.id ?? '', result: 'allow' } as const;
    await send(client, session.id, confirm);
    await assert.rejects(
      send(client, session.id, confirm),
      refused(400, 'invalid_request_error', /is not waiting for an answer/),
    );
    await turn(session.id, () => send(mine, session.id, result));
    await assert.rejects(
      send(mine, session.id, result),
      refused(400, 'invalid_request_error', /no tool use/),
    );
    assert.match(spoken(await listAll(client, session.id)), /ants/);
  });

  test('an interrupt answers what a worker has not, and no worker runs that later', async () => {
    const queue = await openQueue(server);
    const session = await queue.open();
    await say(client, session.id, 'run `echo late > late.txt`');
    await collect(client, session.id, () => send(client, session.id, interrupt));
    const events = await listAll(client, session.id);
    const result = events.find((event) => event.type === 'user.tool_result');
    assert.ok(result?.type === 'user.tool_result' && result.is_error);
    assert.match(JSON.stringify(result.content), /interrupted before completion/);
    const workdir = startWorker(queue);
    await turn(session.id, () => send(client, session.id, message('run `echo soon > soon.txt`')));
    assert.deepEqual(readdirSync(workdir), ['soon.txt']);
  });

  test('one that dies in the middle of a tool is followed by another, which runs the call', async () => {
    const queue = await openQueue(server);
    const first = await queue.open().then(async (session) => {
      await say(client, session.id, 'run `echo once >> log.txt; cat log.txt`');
      return session;
    });
    // It claims, acknowledges, and is never heard of again.
    const work = await queue.poll();
    assert.ok(work);
    const workdir = startWorker(queue);
    await turn(first.id, async () => {});
    assert.equal(readFileSync(join(workdir, 'log.txt'), 'utf8'), 'once\n');
    assert.deepEqual(
      (await listAll(client, first.id)).filter(({ type }) => type === 'user.tool_result').length,
      1,
    );
  });

  test('reaches the memory of its session, whose changes are versions by the session', async () => {
    const queue = await openQueue(server);
    const { agent } = await queue.open();
    const storeWith = async (path: string) => {
      const store = await client.beta.memoryStores.create({ name: 'Notes' });
      const { id } = await client.beta.memoryStores.memories.create(store.id, { path, content: 'old' });
      return { memory_store_id: store.id, id };
    };
    const at = ({ memory_store_id }: { memory_store_id: string }) => ({ memory_store_id });
    const [mine, fixed, other] = [
      await storeWith('/a.md'),
      await storeWith('/b.md'),
      await storeWith('/c.md'),
    ];
    const session = await client.beta.sessions.create({
      agent: agent.id,
      environment_id: queue.environmentId,
      initial_events: [message('hello')],
      resources: [
        { type: 'memory_store', memory_store_id: mine.memory_store_id },
        { type: 'memory_store', memory_store_id: fixed.memory_store_id, access: 'read_only' },
      ],
    });
    const work = await queue.poll();
    assert.ok(work);
    const { memories } = workerWith(server, tokenOf(work)).beta.memoryStores;
    const { memory_store_id, id } = mine;
    assert.deepEqual((await memories.list(memory_store_id)).data.length, 1);
    await memories.update(id, { memory_store_id, content: 'new' });
    const [version] = (await client.beta.memoryStores.memoryVersions.list(memory_store_id)).data;
    assert.deepEqual(version?.created_by, { type: 'session_actor', session_id: session.id });
    assert.equal((await memories.retrieve(fixed.id, at(fixed))).path, '/b.md');
    await assert.rejects(
      memories.update(fixed.id, { memory_store_id: fixed.memory_store_id, content: 'new' }),
      refused(403, 'permission_error', /attached read-only/),
    );
    await assert.rejects(
      memories.retrieve(other.id, at(other)),
      refused(403, 'permission_error', /not attached to this session/),
    );
    await assert.rejects(
      queue.worker.beta.memoryStores.memories.retrieve(id, at(mine)),
      refused(403, 'permission_error', /cannot be used for this/),
    );
  });
});
