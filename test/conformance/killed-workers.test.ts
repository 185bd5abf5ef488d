import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { eventually } from '../support/server-processes.ts';
import { collect, isIdle, listAll, message, send, spoken } from '../support/server-sessions.ts';
import { describeServer } from '../support/server-suite.ts';
import type { Queue } from '../support/server-work.ts';
import { endLease, openQueue } from '../support/server-work.ts';

const root = join(import.meta.dirname, '../..');
const programs = {
  'anthill worker': [join(root, 'bin/anthill.js'), 'worker'],
  'the official worker': [join(root, 'test/support/sdk-worker.ts')],
} as const;

describeServer('workers that are killed in the middle of a tool', ({ client, home, server }) => {
  const directory = mkdtempSync(join(tmpdir(), 'anthill-killed-'));
  const workers: ChildProcess[] = [];
  after(async () => {
    for (const worker of workers) {
      try {
        // The programs that the official worker left behind as well.
        process.kill(-(worker.pid ?? 0), 'SIGKILL');
      } catch {
        // None are left.
      }
    }
    await Promise.all(workers.map((worker) => worker.exitCode ?? worker.signalCode ?? once(worker, 'exit')));
    rmSync(directory, { recursive: true });
  });

  function start(program: keyof typeof programs, queue: Queue, place: string): ChildProcess {
    mkdirSync(place, { recursive: true });
    const worker = spawn(process.execPath, programs[program], {
      detached: true,
      cwd: place,
      stdio: 'ignore',
      env: {
        HOME: place,
        PATH: `${dirname(process.execPath)}:${process.env['PATH']}`,
        ANTHROPIC_BASE_URL: server.baseUrl,
        ANTHROPIC_ENVIRONMENT_ID: queue.environmentId,
        ANTHROPIC_ENVIRONMENT_KEY: queue.key,
        ANTHILL_WORKER_DATA: place,
        WORKDIR: place,
      },
    });
    workers.push(worker);
    return worker;
  }
  const isDone = (event: { readonly type: string }) =>
    isIdle(event) && JSON.stringify(event).includes('end_turn');

  for (const program of Object.keys(programs) as (keyof typeof programs)[])
    test(`${program}: another goes on, what had begun is not run again, and the session completes`, async () => {
      const queue = await openQueue(server);
      const places = [join(directory, queue.environmentId, 'a'), join(directory, queue.environmentId, 'b')];
      const first = start(program, queue, places[0] ?? '');
      const command = 'echo begun >> log.txt; sleep 60; echo ended >> log.txt';
      const session = await queue.open({}, `run \`${command}\``);
      const logIn = (place = '') =>
        program === 'anthill worker'
          ? join(place, 'sessions', session.id, 'workspace', 'log.txt')
          : join(place, 'log.txt');
      await eventually(() => existsSync(logIn(places[0])), 'the tool has begun', 30_000);
      first.kill('SIGKILL');
      await once(first, 'exit');

      await collect(
        client,
        session.id,
        async () => {
          endLease(home, session.id);
          start(program, queue, places[1] ?? '');
        },
        isDone,
      );
      const results = (await listAll(client, session.id)).flatMap((event) =>
        event.type === 'user.tool_result' ? [event] : [],
      );
      assert.equal(results.length, 1);
      assert.equal(results[0]?.is_error, true);
      assert.match(JSON.stringify(results[0]?.content), /the outcome is unknown/);
      assert.equal(readFileSync(logIn(places[0]), 'utf8'), 'begun\n');
      assert.equal(existsSync(logIn(places[1])), false);

      await collect(
        client,
        session.id,
        () => send(client, session.id, message('run `echo again > log.txt; cat log.txt`')),
        isDone,
      );
      assert.equal(readFileSync(logIn(places[1]), 'utf8'), 'again\n');
      const events = await listAll(client, session.id);
      assert.match(spoken(events), /again/);
      assert.equal(events.filter(({ type }) => type === 'user.tool_result').length, 2);
    });
});
