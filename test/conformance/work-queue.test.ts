import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import Anthropic from '@anthropic-ai/sdk';
import { BetaHeartbeatPreconditionFailedError } from '@anthropic-ai/sdk/resources/beta/environments/work';
import { absent, bad, refused } from '../support/sdk-calls.ts';
import { revokeEnvironmentKey, workerWith } from '../support/server-admin.ts';
import { interrupt, message, openSession, send } from '../support/server-sessions.ts';
import { describeServer } from '../support/server-suite.ts';
import type { Queue, Work } from '../support/server-work.ts';
import { openQueue, tokenOf } from '../support/server-work.ts';

describeServer('work queues', ({ server, client }) => {
  const at = ({ environmentId }: Queue) => ({ environment_id: environmentId });
  const items = (queue: Queue) => queue.worker.beta.environments.work;
  const states = async (queue: Queue) =>
    (await items(queue).list(queue.environmentId)).data.map(({ state }) => state);
  async function claimed(queue: Queue, words = 'hello'): Promise<Work> {
    await queue.open({}, words);
    const work = await queue.poll();
    assert.ok(work);
    return work;
  }
  async function active(queue: Queue): Promise<Work> {
    const work = await claimed(queue);
    await items(queue).ack(work.id, at(queue));
    await items(queue).heartbeat(work.id, { ...at(queue), expected_last_heartbeat: 'NO_HEARTBEAT' });
    return work;
  }

  test('a session with something to do is queued once, an idle one not at all', async () => {
    const queue = await openQueue(server);
    const session = await queue.open();
    assert.equal(await queue.poll(), null);
    await send(client, session.id, message('hello'), message('again'));
    const { secret, ...work } = (await queue.poll()) ?? assert.fail('no work');
    assert.deepEqual(work, {
      id: work.id,
      type: 'work',
      environment_id: queue.environmentId,
      data: { type: 'session', id: session.id },
      state: 'queued',
      metadata: {},
      created_at: work.created_at,
      acknowledged_at: null,
      started_at: work.created_at,
      latest_heartbeat_at: null,
      stop_requested_at: null,
      stopped_at: null,
    });
    assert.match(work.id, /^work_/);
    assert.match(tokenOf({ ...work, secret } as Work), /^sk-ant-req-\w{64}$/);
    assert.equal(await queue.poll(), null);
    assert.equal((await client.beta.environments.work.retrieve(work.id, at(queue))).secret, null);
  });

  test('items are handed out oldest first; one that nobody acknowledges is handed out again', async () => {
    const queue = await openQueue(server);
    const sessions = [await queue.open({}, 'one'), await queue.open({}, 'two')];
    const first = await queue.poll();
    const second = await queue.poll();
    assert.deepEqual(
      [first?.data.id, second?.data.id],
      sessions.map(({ id }) => id),
    );
    await setTimeout(20);
    const again = await items(queue).poll(queue.environmentId, { reclaim_older_than_ms: 10 });
    assert.equal(again?.id, first?.id);
    assert.notEqual(again?.secret, first?.secret);
    // The token of the claimant before is worth nothing any more.
    const late = workerWith(server, tokenOf(first as Work));
    await assert.rejects(
      late.beta.environments.work.ack(first?.id ?? '', at(queue)),
      refused(401, 'authentication_error', 'invalid sessions token'),
    );
  });

  test('a poll waits for work, and hears of it at once', async () => {
    const queue = await openQueue(server);
    const begun = performance.now();
    assert.equal(await items(queue).poll(queue.environmentId, { block_ms: 200 }), null);
    assert.ok(performance.now() - begun >= 190);
    const polling = items(queue).poll(queue.environmentId, { block_ms: 999 });
    await setTimeout(50);
    const session = await queue.open({}, 'hello');
    assert.equal((await polling)?.data.id, session.id);
  });

  test('two workers never get the same item', async () => {
    const queue = await openQueue(server);
    const sessions = await Promise.all(Array.from({ length: 6 }, () => queue.open({}, 'hi')));
    const got = await Promise.all(Array.from({ length: 12 }, () => queue.poll()));
    const ids = got.flatMap((work) => (work ? [work.data.id] : []));
    assert.deepEqual(ids.toSorted(), sessions.map(({ id }) => id).toSorted());
  });

  test('acknowledging is idempotent, and takes the item off the queue', async () => {
    const queue = await openQueue(server);
    const { id } = await claimed(queue);
    const one = await items(queue).ack(id, at(queue));
    assert.deepEqual([one.state, typeof one.acknowledged_at], ['starting', 'string']);
    assert.deepEqual(await items(queue).ack(id, at(queue)), one);
    assert.equal(await items(queue).poll(queue.environmentId, { reclaim_older_than_ms: 1 }), null);
  });

  test('a heartbeat extends the lease of who knows the last one', async () => {
    const queue = await openQueue(server);
    const { id } = await claimed(queue);
    const beat = (expected?: string, ttl?: number) =>
      items(queue).heartbeat(id, {
        ...at(queue),
        ...(expected === undefined ? {} : { expected_last_heartbeat: expected }),
        ...(ttl === undefined ? {} : { desired_ttl_seconds: ttl }),
      });
    await items(queue).ack(id, at(queue));
    const first = await beat('NO_HEARTBEAT');
    assert.deepEqual(
      [first.type, first.state, first.lease_extended, first.ttl_seconds],
      ['work_heartbeat', 'active', true, 300],
    );
    const second = await beat(first.last_heartbeat, 60);
    assert.deepEqual([second.lease_extended, second.ttl_seconds], [true, 60]);
    assert.deepEqual(
      [(await beat(second.last_heartbeat, 1)).ttl_seconds, (await beat(undefined, 999)).ttl_seconds],
      [30, 300],
    );
    for (const expected of ['NO_HEARTBEAT', first.last_heartbeat, 'nonsense']) {
      await assert.rejects(beat(expected), (error) => {
        assert.ok(error instanceof BetaHeartbeatPreconditionFailedError);
        assert.equal(error.status, 412);
        assert.deepEqual(
          [
            error.details.error_code,
            error.details.current_state.state,
            error.details.current_state.lease_extended,
          ],
          ['heartbeat_precondition_failed', 'active', false],
        );
        return true;
      });
    }
  });

  test('a stop asks the worker to wind up, a forced one ends the item', async () => {
    const queue = await openQueue(server);
    const { id } = await active(queue);
    const asked = await client.beta.environments.work.stop(id, at(queue));
    assert.deepEqual([asked.state, asked.stopped_at], ['stopping', null]);
    assert.deepEqual(await items(queue).stop(id, at(queue)), asked);
    const beat = await items(queue).heartbeat(id, { ...at(queue), expected_last_heartbeat: 'whatever' });
    assert.deepEqual([beat.state, beat.lease_extended], ['stopping', false]);
    const ended = await items(queue).stop(id, { ...at(queue), force: true });
    assert.deepEqual([ended.state, ended.stop_requested_at], ['stopped', asked.stop_requested_at]);
    assert.deepEqual(await items(queue).stop(id, { ...at(queue), force: true }), ended);
    const unclaimed = await claimed(queue);
    assert.equal((await items(queue).stop(unclaimed.id, at(queue))).state, 'stopped');
  });

  test('after its item ended a session is queued anew by a message or an interrupt', async () => {
    const queue = await openQueue(server);
    const work = await claimed(queue, 'run `ls`');
    await items(queue).stop(work.id, { ...at(queue), force: true });
    assert.equal(await queue.poll(), null);
    await send(client, work.data.id, interrupt);
    assert.equal((await queue.poll())?.data.id, work.data.id);
  });

  test('archiving or deleting a session ends its item', async () => {
    const queue = await openQueue(server);
    const work = await active(queue);
    await client.beta.sessions.archive(work.data.id);
    assert.deepEqual(await states(queue), ['stopped']);
    const other = await queue.open({}, 'hello');
    await client.beta.sessions.delete(other.id).catch(async () => {
      await send(client, other.id, interrupt);
      await client.beta.sessions.delete(other.id);
    });
    assert.deepEqual(await states(queue), ['stopped', 'stopped']);
  });

  test('statistics count what waits, what is claimed, and who polls', async () => {
    const queue = await openQueue(server);
    const stats = () => client.beta.environments.work.stats(queue.environmentId);
    assert.deepEqual(await stats(), {
      type: 'work_queue_stats',
      depth: 0,
      pending: 0,
      oldest_queued_at: null,
      workers_polling: 0,
    });
    for (const words of ['one', 'two']) await queue.open({}, words);
    const poll = (worker: string) =>
      items(queue).poll(queue.environmentId, { 'Anthropic-Worker-ID': worker });
    const first = await poll('a');
    const one = await stats();
    assert.deepEqual(
      [one.depth, one.pending, one.oldest_queued_at, one.workers_polling],
      [1, 1, first?.created_at, 1],
    );
    await items(queue).ack(first?.id ?? '', at(queue));
    await poll('b');
    await poll('b');
    const two = await stats();
    assert.deepEqual([two.depth, two.pending, two.workers_polling], [0, 1, 2]);
  });

  test('metadata is merged; the list has cursors', async () => {
    const queue = await openQueue(server);
    const { id } = await claimed(queue);
    await queue.open({}, 'two');
    const update = (metadata: Record<string, string | null>) =>
      client.beta.environments.work.update(id, { ...at(queue), metadata });
    await update({ a: '1', b: '2' });
    assert.deepEqual((await update({ a: null, c: '3' })).metadata, { b: '2', c: '3' });
    const page = await items(queue).list(queue.environmentId, { limit: 1 });
    assert.deepEqual([page.data.length, typeof page.next_page], [1, 'string']);
    const next = await page.getNextPage();
    assert.deepEqual([next.data[0]?.id, next.next_page], [id, null]);
  });

  test('only self-hosted environments have a queue; bounds and ids are checked', async () => {
    const queue = await openQueue(server);
    const { environment_id } = await openSession(client);
    await assert.rejects(
      client.beta.environments.work.stats(environment_id),
      bad(/is not self_hosted: it has no work queue/),
    );
    const poll = (query: object) => items(queue).poll(queue.environmentId, query);
    await assert.rejects(poll({ block_ms: 1000 }), bad(/block_ms/));
    await assert.rejects(poll({ block_ms: 0 }), bad(/block_ms/));
    await assert.rejects(poll({ reclaim_older_than_ms: 0 }), bad(/reclaim_older_than_ms/));
    await assert.rejects(items(queue).ack('nonsense', at(queue)), bad('Invalid work ID: nonsense'));
    await assert.rejects(items(queue).ack('work_nothing', at(queue)), absent('Work not found: work_nothing'));
  });

  test('each call takes the credentials that it is for, and no others', async () => {
    const queue = await openQueue(server);
    const work = await claimed(queue);
    const mine = workerWith(server, tokenOf(work)).beta.environments.work;
    const permission = refused(403, 'permission_error', /./);
    const ours = client.beta.environments.work;
    await assert.rejects(ours.list(queue.environmentId).then(), permission);
    await assert.rejects(ours.poll(queue.environmentId), permission);
    await assert.rejects(ours.ack(work.id, at(queue)), permission);
    await assert.rejects(ours.heartbeat(work.id, at(queue)), permission);
    await assert.rejects(items(queue).retrieve(work.id, at(queue)), permission);
    await assert.rejects(items(queue).update(work.id, { ...at(queue), metadata: {} }), permission);
    await assert.rejects(mine.poll(queue.environmentId), permission);
    await assert.rejects(mine.stats(queue.environmentId), permission);
    assert.equal((await mine.ack(work.id, at(queue))).state, 'starting');
    assert.equal((await mine.heartbeat(work.id, at(queue))).state, 'active');
    const other = await openQueue(server);
    await assert.rejects(items(other).poll(queue.environmentId), permission);
    const theirs = await claimed(other);
    await assert.rejects(mine.ack(theirs.id, at(other)), permission);
    await assert.rejects(
      workerWith(server, tokenOf(work)).beta.sessions.retrieve(theirs.data.id),
      permission,
    );
    await assert.rejects(
      workerWith(server, tokenOf(work)).beta.agents.list().then(),
      refused(401, 'authentication_error', /./),
    );
    const ended = await mine.stop(work.id, { ...at(queue), force: true });
    assert.equal(ended.state, 'stopped');
    await assert.rejects(
      workerWith(server, tokenOf(work)).beta.sessions.retrieve(work.data.id),
      refused(401, 'authentication_error', /ended with its work item/),
    );
  });

  test('a key that is revoked polls no more', async () => {
    const queue = await openQueue(server);
    const { data } = await client.get<{ data: { id: string; environment_id: string }[] }>(
      `/v1/organizations/environments/${queue.environmentId}/keys`,
    );
    const [key] = data;
    await revokeEnvironmentKey(client, key as Parameters<typeof revokeEnvironmentKey>[1]);
    await assert.rejects(queue.poll(), Anthropic.AuthenticationError);
  });
});
