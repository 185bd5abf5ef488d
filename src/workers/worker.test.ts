import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fakeClock } from '../../test/support/clock.ts';
import { silentLog } from '../base/log.ts';
import { startWorker } from './worker.ts';

const pollMs = 500;

/** A worker over jobs that the test puts there, each of which ends when the test says so. */
function workerOver({ concurrencyMax = 2 } = {}) {
  const clock = fakeClock();
  const jobs: string[] = [];
  const started: string[] = [];
  const looks: number[] = [];
  const ends = new Map<string, (isMore: boolean) => void>();
  let dueUs: number | null = null;
  let rounds = 0;
  const worker = startWorker<string>({
    async claim() {
      looks.push(clock.nowUs());
      return jobs.shift() ?? null;
    },
    run(job) {
      started.push(job);
      return new Promise((resolve) => ends.set(job, resolve));
    },
    async nextDueUs() {
      rounds += 1;
      return dueUs;
    },
    concurrencyMax,
    pollMs,
    clock,
    log: silentLog,
  });
  return {
    ...{ worker, clock, jobs, started, looks },
    rounds: () => rounds,
    setDue(atUs: number | null) {
      dueUs = atUs;
    },
    async end(job: string, isMore: boolean) {
      ends.get(job)?.(isMore);
      await settled();
    },
    async [Symbol.asyncDispose]() {
      for (const end of ends.values()) end(false);
      await worker.close();
    },
  };
}

/** Everything that can happen without the clock has happened. */
const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

describe('a worker', () => {
  test('looks when it starts, and for more while there is some', async () => {
    await using it = workerOver();
    it.jobs.push('one', 'two', 'three');
    await settled();
    assert.deepEqual(it.started, ['one', 'two'], 'as many as there is room for');
    await it.end('one', true);
    assert.deepEqual(it.started, ['one', 'two', 'three']);
  });

  test('claims more at once where there is much', async () => {
    await using it = workerOver({ concurrencyMax: 64 });
    const jobs = Array.from({ length: 31 }, (_, at) => `job ${at}`);
    it.jobs.push(...jobs);
    await settled();
    assert.deepEqual(it.started, jobs);
    assert.ok(it.rounds() < 10);
  });

  test('follows a hint only when something is due', async () => {
    await using it = workerOver();
    await settled();
    const atStart = it.looks.length;
    it.jobs.push('hinted');
    it.worker.poke();
    await settled();
    assert.equal(it.looks.length, atStart, 'nothing was due');
    it.setDue(it.clock.nowUs());
    it.worker.poke();
    await settled();
    assert.deepEqual(it.started, ['hinted']);
  });

  test('wakes when something becomes due', async () => {
    await using it = workerOver();
    await settled();
    it.setDue(it.clock.nowUs() + 100_000);
    it.worker.poke();
    await settled();
    it.jobs.push('later');
    it.clock.advance(99);
    await settled();
    assert.deepEqual(it.started, []);
    it.clock.advance(1);
    await settled();
    assert.deepEqual(it.started, ['later']);
  });

  test('polls for what nobody hinted at, however often it is woken for nothing', async () => {
    await using it = workerOver();
    await settled();
    it.jobs.push('forgotten');
    for (let ms = 0; ms < pollMs; ms += 100) {
      assert.deepEqual(it.started, [], `${ms} ms`);
      it.clock.advance(100);
      it.worker.poke();
      await settled();
    }
    assert.deepEqual(it.started, ['forgotten']);
  });

  test('looks again when a job ends that leaves something, or that left no room for hints', async () => {
    await using it = workerOver({ concurrencyMax: 2 });
    it.worker.offer('first');
    it.worker.offer('second');
    await settled();
    it.setDue(it.clock.nowUs());
    it.jobs.push('third', 'fourth');
    it.worker.poke();
    await settled();
    assert.deepEqual(it.started, ['first', 'second'], 'there is no room');
    await it.end('first', false);
    assert.deepEqual(it.started, ['first', 'second', 'third']);
    await it.end('second', true);
    assert.deepEqual(it.started, ['first', 'second', 'third', 'fourth']);
  });

  test('does not look because of a job that leaves nothing', async () => {
    await using it = workerOver();
    it.worker.offer('only');
    await settled();
    const before = it.looks.length;
    it.setDue(it.clock.nowUs());
    await it.end('only', false);
    assert.equal(it.looks.length, before);
  });
});
