import assert from 'node:assert/strict';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type Anthropic from '@anthropic-ai/sdk';
import { holds, keepingFetch } from '../support/canary.ts';
import { all } from '../support/sdk-calls.ts';
import type { ServerProcess } from '../support/server.ts';
import { serverHome } from '../support/server.ts';
import { listAll, openSession } from '../support/server-sessions.ts';
import { runIn } from '../support/server-tools.ts';
import { variable } from '../support/server-vaults.ts';
import { processesOf, readMemory } from './memory-of.ts';

const outputs = '/mnt/session/outputs';
const secret = (name: string) => `${name}-canary/7f3a9c+x-${name}`;
const quotaBytes = 256 * 1024 * 1024;

/** What agents do to the server from where they may be, with a real server and real sandboxes. */
describe('a server with hostile sessions', () => {
  const home = serverHome();
  const kept: string[] = [];
  let server: ServerProcess;
  let client: Anthropic;
  before(async () => {
    const config = join(home.dataDir, '..', 'anthill.yaml');
    writeFileSync(config, `sandbox: { disk_quota_bytes: ${quotaBytes} }\n`);
    server = await home.start(
      {
        ANTHILL_API_KEY: secret('sk-first'),
        ANTHILL_UPSTREAM_BASE_URL: 'http://127.0.0.1:9',
        ANTHILL_UPSTREAM_API_KEY: secret('upstream'),
        ANTHILL_LOG_LEVEL: 'warn',
      },
      ['--config', config],
    );
    client = server.client.withOptions({ fetch: keepingFetch(kept) });
  });
  after(() => home.remove());

  const run = (id: string, command: string) => runIn(client, id, command);
  const filesOf = (id: string) =>
    all(client.beta.files.list({ scope_id: id, betas: ['managed-agents-2026-04-01'] }));
  /** Another session is as well as before. */
  async function assertOthersWork(): Promise<void> {
    const { id } = await openSession(client);
    assert.equal(await run(id, 'echo well'), 'well');
  }

  test('no secret of the server is in the memory, files or environment of a sandbox, nor in events', async () => {
    const { id: vault } = await client.beta.vaults.create({ display_name: 'Keys' });
    await client.beta.vaults.credentials.create(vault, {
      auth: variable('TOKEN', { secret_value: secret('variable') }),
    });
    const session = await openSession(client, {}, { vault_ids: [vault] });
    await run(session.id, 'sleep 600 >/dev/null 2>&1 & disown; cat > /workspace/x <<< "$TOKEN"; echo $TOKEN');
    const secrets = ['variable', 'upstream', 'sk-first'].map(secret);
    const processes = processesOf(server.pid);
    assert.ok(processes.length >= 3, `${processes.length} processes`);
    const marker = `marker-${process.pid}`;
    await run(session.id, `export MARKER=${marker}; sleep 601 >/dev/null 2>&1 & disown`);
    let isSeen = false;
    for (const pid of processesOf(server.pid)) {
      for (const bytes of readMemory(pid)) {
        isSeen ||= bytes.includes(marker);
        for (const text of secrets) assert.ok(!bytes.includes(text), `process ${pid} holds ${text}`);
      }
    }
    assert.ok(isSeen, 'memory can be looked into');
    const events = JSON.stringify(await listAll(client, session.id));
    assert.ok(!holds(events, secrets));
    assert.ok(!holds(server.output().replaceAll(secret('sk-first'), ''), secrets.slice(0, 2)));
  });

  test('a full disk is an error of the session that fills it', async () => {
    const { id } = await openSession(client);
    const said = await run(
      id,
      'for i in $(seq 4000); do head -c 4000000 /dev/zero > /workspace/$i; sleep 0.01; done',
    );
    assert.match(said, /and its quota is 256 MiB: what was running was ended/);
    await assertOthersWork();
    assert.equal(await run(id, 'rm -rf /workspace/*; echo removed'), 'removed');
  });

  test('outputs of every strange kind: files are handed over, the rest is not, and nothing of the host', async () => {
    const { id } = await openSession(client);
    const said = await run(
      id,
      `cd ${outputs}; truncate -s 1T huge 2>/dev/null; truncate -s 9G sparse; mkfifo fifo; ln -s ${home.dataDir}/server.json link; ln -s / root
      python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("socket")'
      touch "$(printf 'new\\nline')" "$(printf '\\xff\\xfe')"; echo good > good; ln good twin
      d=.; for i in $(seq 200); do d=$d/d; done; mkdir -p $d; echo deep > $d/deep; echo made`,
    );
    assert.match(said, /made/);
    assert.match(said, /sparse: not handed over/);
    assert.match(said, /not valid UTF-8/);
    const names = (await filesOf(id)).map(({ filename }) => filename).sort();
    assert.ok(names.includes('good') && names.includes('twin'), names.join());
    for (const name of ['sparse', 'fifo', 'socket', 'link', 'deep']) assert.ok(!names.includes(name), name);
    await assertOthersWork();
  });

  test('links that take turns with files while outputs are captured lead to nothing of the host', async () => {
    const { id } = await openSession(client);
    const target = join(home.dataDir, 'server.json');
    await run(
      id,
      `cd ${outputs}; mkdir d other; ln -s ${home.dataDir} way; echo mine > d/server.json; echo mine > file
      (while :; do ln -sfn ${target} file; rm -f file; echo $RANDOM > file
        mv -T d spare; mv -T way d; mv -T d way; mv -T spare d; done) >/dev/null 2>&1 & disown`,
    );
    for (let turn = 0; turn < 5; turn++) await run(id, `echo ${turn} > ${outputs}/turn; sleep 0.05`);
    for (const file of await filesOf(id)) {
      const text = await (await client.files.download(file.id)).text();
      assert.ok(!text.includes(secret('sk-first')), file.filename);
    }
    assert.ok(readFileSync(target, 'utf8').includes(secret('sk-first')));
  });

  test('links that take turns with memories, too', async () => {
    const store = await client.beta.memoryStores.create({ name: 'Notes' });
    const { id } = await openSession(
      client,
      {},
      { resources: [{ type: 'memory_store', memory_store_id: store.id, access: 'read_write' }] },
    );
    const target = join(home.dataDir, 'server.json');
    const before = statSync(target).mtimeMs;
    await run(
      id,
      `cd /mnt/memory/notes; mkdir d; echo mine > d/a.md; ln -s ${home.dataDir} way
      (while :; do ln -sfn ${target} b.md; rm -f b.md; echo $RANDOM > b.md
        mv -T d spare; mv -T way d; mv -T d way; mv -T spare d; done) >/dev/null 2>&1 & disown`,
    );
    for (let turn = 0; turn < 5; turn++)
      await run(id, `echo ${turn} > /mnt/memory/notes/turn.md; sleep 0.05`);
    const memories = await all(client.beta.memoryStores.memories.list(store.id, { view: 'full' }));
    assert.ok(memories.length > 0);
    assert.ok(!JSON.stringify(memories).includes(secret('sk-first')));
    assert.equal(statSync(target).mtimeMs, before);
  });

  test('three thousand files are looked at within limits', async () => {
    const { id } = await openSession(client);
    const said = await run(
      id,
      `cd ${outputs}; python3 -c '
import os
for i in range(3000):
    if i % 1000 == 0: os.mkdir(f"d{i}")
    open(f"d{i - i % 1000}/{i}", "w").close()
'; echo made`,
    );
    assert.match(said, /made/);
    assert.ok((await filesOf(id)).length <= 1_000);
    await assertOthersWork();
    await run(id, `rm -rf ${outputs}/*`);
  });

  test('bombs of forks, descriptors and output stay in their session', async () => {
    const { id } = await openSession(client);
    const bombs = [
      `python3 -c '
import os, time
try:
    for i in range(2000):
        if os.fork() == 0: time.sleep(3); os._exit(0)
except OSError as e: print(i, e)'`,
      'python3 -c "\nimport os\nl = []\ntry:\n  while True: l.append(os.open(\'/dev/null\', 0))\nexcept OSError as e: print(len(l), e)"',
      'yes | head -c 300000000; echo',
    ];
    for (const bomb of bombs) {
      const { id: other } = await openSession(client);
      const [said, well] = await Promise.all([run(id, bomb), run(other, 'echo well')]);
      assert.equal(well, 'well', bomb);
      assert.ok(said.length < 200_000);
    }
    await client.beta.sessions.delete(id);
    const resident = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${server.pid}/status`, 'utf8'))?.[1]);
    assert.ok(resident < 700_000, `${resident} KB`);
  });
});
