import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { listening } from '../support/local-servers.ts';
import { eventually } from '../support/server-processes.ts';
import { collect, isIdle, listAll, message, send, spoken, uniqueName } from '../support/server-sessions.ts';
import { newSkillName, skillFiles } from '../support/server-skills.ts';
import { describeServer } from '../support/server-suite.ts';
import type { Queue } from '../support/server-work.ts';
import { openQueue } from '../support/server-work.ts';

const bin = join(import.meta.dirname, '../../bin/anthill.js');

describeServer('anthill worker', ({ server, client }) => {
  const directory = mkdtempSync(join(tmpdir(), 'anthill-worker-'));
  const workers: ChildProcess[] = [];
  const said = new Map<ChildProcess, string>();
  const heard = (worker: ChildProcess, event: string) =>
    eventually(() => said.get(worker)?.includes(event) ?? false, `the worker says ${event}`, 30_000);
  after(async () => {
    for (const worker of workers) worker.kill('SIGKILL');
    await Promise.all(workers.map((worker) => worker.exitCode ?? worker.signalCode ?? once(worker, 'exit')));
    rmSync(directory, { recursive: true });
  });

  function launch(env: Record<string, string>, args: string[] = []): ChildProcess {
    const data = join(directory, `data-${workers.length}`);
    const worker = spawn(process.execPath, [bin, 'worker', '--data', data, ...args], {
      env: { HOME: directory, PATH: `${dirname(process.execPath)}:${process.env['PATH']}`, ...env },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    workers.push(worker);
    said.set(worker, '');
    worker.stderr?.on('data', (chunk) => said.set(worker, said.get(worker) + String(chunk)));
    return worker;
  }

  async function started(queue: Queue, args: string[] = []): Promise<ChildProcess> {
    const worker = launch({ ANTHROPIC_BASE_URL: server.baseUrl, ANTHROPIC_ENVIRONMENT_KEY: queue.key }, [
      '--environment-id',
      queue.environmentId,
      ...args,
    ]);
    await heard(worker, 'worker.ready');
    return worker;
  }
  const isDone = (event: { readonly type: string }) =>
    isIdle(event) && JSON.stringify(event).includes('end_turn');

  test('runs the tools of sessions in sandboxes of its own', async () => {
    const queue = await openQueue(server);
    await started(queue);
    const session = await queue.open();
    const say = (text: string) =>
      collect(client, session.id, () => send(client, session.id, message(text)), isDone);
    await say('run `pwd; echo hello > a.txt`');
    await say('run `cat a.txt; ls /etc/shadow`');
    const events = await listAll(client, session.id);
    const results = events.flatMap((event) => (event.type === 'user.tool_result' ? [event] : []));
    assert.match(JSON.stringify(results[0]?.content), /\/workspace/);
    assert.match(JSON.stringify(results[1]?.content), /hello.*cannot access|cannot access.*hello/s);
    assert.equal(results[1]?.is_error, true);
    assert.match(spoken(events), /hello/);
  });

  test('brings the skills of the agent along', async () => {
    const queue = await openQueue(server);
    await started(queue);
    const name = newSkillName();
    const skill = await client.beta.skills.create({ files: await skillFiles(name) });
    const session = await queue.open({ skills: [{ type: 'custom', skill_id: skill.id, version: 'latest' }] });
    await collect(client, session.id, () => send(client, session.id, message(`run \`ls skills/*\``)), isDone);
    assert.match(spoken(await listAll(client, session.id)), /SKILL\.md/);
  });

  test('mounts the memory of a session, both ways', async () => {
    const queue = await openQueue(server);
    const { agent } = await queue.open();
    const { memoryStores } = client.beta;
    const storeWith = async (path: string, content: string) => {
      const store = await memoryStores.create({ name: `Notes ${uniqueName()}` });
      await memoryStores.memories.create(store.id, { path, content });
      return store.id;
    };
    const [mine, fixed] = [await storeWith('/a.md', 'old'), await storeWith('/b.md', 'kept')];
    const session = await client.beta.sessions.create({
      agent: agent.id,
      environment_id: queue.environmentId,
      resources: [
        { type: 'memory_store', memory_store_id: mine },
        { type: 'memory_store', memory_store_id: fixed, access: 'read_only' },
      ],
    });
    const places = session.resources.map((resource) =>
      resource.type === 'memory_store' ? String(resource.mount_path) : '',
    );
    const worker = await started(queue);
    const run = async (command: string) => {
      await collect(
        client,
        session.id,
        () => send(client, session.id, message(`run \`${command}\``)),
        isDone,
      );
      const results = (await listAll(client, session.id)).flatMap((event) =>
        event.type === 'user.tool_result' ? [event] : [],
      );
      return JSON.stringify(results.at(-1)?.content);
    };
    const all = async () => {
      const { data } = await memoryStores.memories.list(mine, { view: 'full' });
      return data.flatMap((item) => (item.type === 'memory' ? [[item.path, item.content]] : [])).sort();
    };
    const [place, readOnly] = places;
    const first = await run(
      `cd ${place} && cat a.md ${readOnly}/b.md && printf new > a.md && printf made > c.md; touch ${readOnly}/x`,
    );
    assert.match(first, /oldkept.*Read-only file system/);
    assert.deepEqual(await all(), [
      ['/a.md', 'new'],
      ['/c.md', 'made'],
    ]);
    const [version] = (await memoryStores.memoryVersions.list(mine)).data;
    assert.deepEqual(version?.created_by, { type: 'session_actor', session_id: session.id });
    const { data } = await memoryStores.memories.list(mine);
    const [memory] = data.flatMap((item) => (item.type === 'memory' && item.path === '/a.md' ? [item] : []));
    await memoryStores.memories.update(memory?.id ?? '', { memory_store_id: mine, content: 'theirs' });
    assert.match(await run(`cat ${place}/a.md; rm ${place}/c.md; mv ${place}/a.md ${place}/d.md`), /theirs/);
    assert.deepEqual(await all(), [['/d.md', 'theirs']]);
    assert.match(
      await run(`ln -s /etc/passwd ${place}/link.md; head -c 200000 /dev/zero > ${place}/big`),
      /not kept/,
    );
    assert.deepEqual(await all(), [['/d.md', 'theirs']]);
    assert.doesNotMatch(said.get(worker) ?? '', /not_synced|not_mounted/);
  });

  describe('the network of its sandboxes', () => {
    const web = createServer((request, response) => response.end(`this is ${request.headers.host}`));
    const config = join(directory, 'network.yaml');
    before(async () => {
      await listening(web);
      writeFileSync(config, 'sandbox_network: {hosts: {site.test: 127.0.0.1, other.test: 127.0.0.1}}\n');
    });
    after(() => web.close());

    for (const [args, site, other] of [
      [[], /^this is site\.test/, /^this is other\.test/],
      [['--allow-host', 'site.test'], /^this is site\.test/, /^other\.test is not among the hosts/],
      [['--network', 'none'], /^no way/, /^no way/],
    ] as const)
      test(`${args.join(' ') || 'without a word about it'}: as its operator says`, async () => {
        const queue = await openQueue(server);
        const worker = await started(queue, ['--config', config, ...args]);
        const { port } = web.address() as AddressInfo;
        const get = (host: string) => `curl -s -m 5 http://${host}:${port}/ || echo no way`;
        // Behind a name or not, what is private stays so unless it is exempted.
        const inward = `curl -s -m 5 http://127.0.0.2:${port}/ || echo no way`;
        const command = [get('site.test'), get('other.test'), inward]
          .map((line) => `{ ${line}; }; echo`)
          .join('; ');
        const session = await queue.open();
        await collect(
          client,
          session.id,
          () => send(client, session.id, message(`run \`${command}\``)),
          isDone,
        );
        const result = (await listAll(client, session.id)).find(({ type }) => type === 'user.tool_result');
        assert.ok(result?.type === 'user.tool_result');
        const [first] = result.content ?? [];
        const lines = (first?.type === 'text' ? first.text : '').split('\n').filter((line) => line !== '');
        assert.equal(lines.length, 3, lines.join('|'));
        assert.match(lines[0] ?? '', site);
        assert.match(lines[1] ?? '', other);
        assert.match(lines[2] ?? '', /^no way/);
        if (other.source.includes('not among')) await heard(worker, 'egress.decided');
      });
  });

  test('ends at once when it is asked to, and says what is wrong with its settings', async () => {
    const queue = await openQueue(server);
    const worker = await started(queue);
    worker.kill('SIGTERM');
    assert.deepEqual(await once(worker, 'exit'), [0, null]);
    const anywhere = ['--environment-id', 'e'];
    for (const [env, args, message] of [
      [{}, [], /--environment-id is required/],
      [{}, ['--environment-id', 'env_1'], /ANTHROPIC_ENVIRONMENT_KEY must be set/],
      [{ ANTHROPIC_ENVIRONMENT_KEY: 'k' }, ['--environment-id', 'e', '--sessions', '0'], /--sessions/],
      [{ ANTHROPIC_ENVIRONMENT_KEY: 'k' }, [...anywhere, '--network', 'lan'], /--network: "lan" is none of/],
      [{ ANTHROPIC_ENVIRONMENT_KEY: 'k' }, [...anywhere, '--allow-host', 'http://x'], /--allow-host: "http/],
      [
        { ANTHROPIC_ENVIRONMENT_KEY: 'k' },
        [...anywhere, '--network', 'none', '--allow-host', 'x.com'],
        /for limited only/,
      ],
      [{ ANTHROPIC_ENVIRONMENT_KEY: 'k' }, [...anywhere, '--config', 'absent.yaml'], /does not exist/],
      [{}, ['--nonsense'], /nonsense/],
    ] as const) {
      const refused = launch(env, [...args]);
      const [code] = await once(refused, 'close');
      assert.equal(code, 2);
      assert.match(said.get(refused) ?? '', message);
    }
  });
});
