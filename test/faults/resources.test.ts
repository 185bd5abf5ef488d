import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import { lastUserText } from '../../src/brain/models/scripted/messages-request.ts';
import type { ModelServer } from '../support/model-server.ts';
import { startModelServer } from '../support/model-server.ts';
import type { ServerHome, ServerProcess } from '../support/server.ts';
import { serverHome } from '../support/server.ts';
import { eventually, processesWith } from '../support/server-processes.ts';
import { atRest, listAll, message, openSession, send, spoken } from '../support/server-sessions.ts';

const params = { model: 'claude-opus-5-5', tools: [] };
/** Ten thousand with `FAULT_QUEUE=10000`. */
const queued = Number(process.env['FAULT_QUEUE'] ?? 2_000);
const perRequest = 500;

describe('a server that runs out of something', () => {
  let home: ServerHome;
  let server: ServerProcess;
  let model: ModelServer;
  let settings: Readonly<Record<string, string>>;
  let isMounted = false;
  let asked = Promise.withResolvers<void>();
  let answer = Promise.withResolvers<void>();
  const lengths: number[] = [];

  before(async () => {
    home = serverHome();
    mkdirSync(home.dataDir, { mode: 0o700 });
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=48m,mode=700', 'tmpfs', home.dataDir], {
        stdio: 'ignore',
      });
      isMounted = true;
    } catch {
      // Who may not mount has no small disk; the tests that need one say so.
    }
    model = await startModelServer({
      async answer(request) {
        lengths.push(request.messages.flatMap(({ content }) => content).length);
        asked.resolve();
        await answer.promise;
        return [{ type: 'text', text: `Answered ${lastUserText(request.messages).slice(-9)}.` }];
      },
    });
    settings = { ...model.settings, ANTHILL_LOG_LEVEL: 'warn' };
    server = await home.start(settings);
  });
  after(async () => {
    await server.kill();
    if (isMounted) execFileSync('umount', ['-l', home.dataDir]);
    await home.remove();
    await model.close();
  });

  function wait(): void {
    asked = Promise.withResolvers();
    answer = Promise.withResolvers();
  }

  test(`${queued} messages that wait for one session are all read, once and in their order`, async () => {
    wait();
    const { id } = await openSession(server.client, params);
    await send(server.client, id, message('begin'));
    await asked.promise;
    const texts = Array.from({ length: queued }, (_, at) => `message ${at}`);
    const accepted: string[] = [];
    for (let at = 0; at < queued; at += perRequest) {
      const { data } = await send(server.client, id, ...texts.slice(at, at + perRequest).map(message));
      accepted.push(...(data ?? []).map((event) => event.id));
    }
    answer.resolve();
    assert.equal((await atRest(server.client, id)).status, 'idle');
    const read: (readonly [string, string])[] = [];
    for await (const event of server.client.beta.sessions.events.list(id, { limit: 1000 })) {
      const [block] = event.type === 'user.message' ? event.content : [];
      if (block && 'text' in block && block.text !== 'begin') read.push([event.id, block.text]);
    }
    assert.deepEqual(
      read,
      texts.map((text, at) => [accepted[at], text]),
    );
    assert.ok((lengths.at(-1) ?? 0) > queued, 'the model has seen them all, in one request');
  });

  test('a full disk: 503 and retry-after, nothing accepted is lost, and the turn goes on when there is room', async (t) => {
    if (!isMounted) return t.skip('this user may not mount a small disk');
    wait();
    const { id } = await openSession(server.client, params);
    const { data } = await send(server.client, id, message('on a full disk'));
    await asked.promise;
    fill(join(home.dataDir, 'filler'));
    const impatient = new Anthropic({ baseURL: server.baseUrl, apiKey: server.apiKey, maxRetries: 0 });
    const cause = await refusal(impatient, id);
    assert.deepEqual([cause.status, cause.headers?.get('retry-after')], [503, '1'], cause.message);
    assert.match(cause.message, /disk/);
    // Long texts go to files of their own.
    const long = await send(impatient, id, message('x'.repeat(200_000))).catch((failure: unknown) => failure);
    assert.equal(long instanceof Anthropic.APIError && long.status, 503);
    // Its reply cannot be kept either.
    answer.resolve();
    await eventually(() => server.output().includes('turn.store_away'), 'the turn is given back');
    assert.equal((await impatient.beta.sessions.retrieve(id)).status, 'running', 'what is there can be read');
    rmSync(join(home.dataDir, 'filler'));
    assert.equal((await atRest(server.client, id)).status, 'idle');
    const events = await listAll(server.client, id);
    assert.ok(events.some((event) => event.id === data?.[0]?.id));
    assert.match(spoken(events), /full disk|filling/);
    assert.ok(events.every(({ type }) => type !== 'session.error'));
  });

  /** Messages until one is refused: SQLite may have room in its files for some more. */
  async function refusal(client: Anthropic, id: string): Promise<InstanceType<typeof Anthropic.APIError>> {
    for (let attempt = 0; attempt < 200; attempt++)
      try {
        await send(client, id, message(`filling ${'x'.repeat(40_000)} filling`));
      } catch (cause) {
        if (cause instanceof Anthropic.APIError) return cause;
        throw cause;
      }
    throw new Error('the disk is never full');
  }

  test('a directory that cannot be written is refused at the start, in a sentence', async (t) => {
    if (!isMounted) return t.skip('this user may not mount a small disk');
    assert.equal(await server.stop(), 0);
    execFileSync('mount', ['-o', 'remount,ro', home.dataDir]);
    const { code, stderr } = await home.refusedStart(settings);
    execFileSync('mount', ['-o', 'remount,rw', home.dataDir]);
    assert.equal(code, 1);
    assert.match(stderr, /^anthill up: the data directory .* cannot be written.*another --data$/m);
    server = await home.start(settings);
  });
});

describe('a tool whose server is killed', () => {
  test('does not have the effect that it was about to have', async () => {
    const effects: string[] = [];
    const place = createServer((request, response) => {
      effects.push(request.url ?? '');
      response.end();
    });
    await new Promise<void>((resolve) => place.listen(0, '127.0.0.1', resolve));
    const { port } = place.address() as AddressInfo;
    const home = serverHome();
    mkdirSync(home.dataDir, { mode: 0o700 });
    const yaml = 'sandbox_network: { hosts: { effects.test: 127.0.0.1 } }\n';
    writeFileSync(join(home.dataDir, 'anthill.yaml'), yaml);
    let server = await home.start();
    const { id } = await openSession(server.client);
    const marker = `3.0${process.pid}`;
    const visit = (path: string) => `curl -s http://effects.test:${port}/${path}`;
    const late = `sleep ${marker}; ${visit('late')}`;
    await send(
      server.client,
      id,
      message(`run \`${visit('begun')}; (setsid sh -c '${late}' &); nohup sh -c '${late}' & ${late}\``),
    );
    await eventually(
      () => processesWith(`sleep\0${marker}`).length === 3,
      'three commands that wait',
      60_000,
    );
    await server.kill();
    // One outside that waits as long as they would have, and begins later.
    const control = spawn('sleep', [marker]);
    server = await home.start();
    await new Promise((resolve) =>
      control.exitCode === null ? control.once('exit', resolve) : resolve(null),
    );
    await atRest(server.client, id);
    assert.deepEqual(effects, ['/begun']);
    assert.deepEqual(processesWith(`sleep\0${marker}`), []);
    await home.remove();
    place.close();
  });
});

/** Writes until the disk has no more room, not even for a byte. */
function fill(path: string): void {
  const file = openSync(path, 'w');
  for (let size = 1024 * 1024; size >= 1; ) {
    try {
      writeSync(file, Buffer.alloc(size));
    } catch {
      size = Math.floor(size / 4);
    }
  }
  closeSync(file);
}
