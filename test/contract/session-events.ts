import assert from 'node:assert/strict';
import { test } from 'node:test';
import { entryBodyBytesMax } from '../../src/domain/limits.ts';
import type { EventQuery } from '../../src/domain/session/session-log.ts';
import type { EventType, SessionEvent } from '../../src/protocol/events.ts';
import { delivered } from '../support/log-checks.ts';
import type { MakeStore, Subject } from './subject.ts';
import { answer, assertBounds, assertPages, goOn, openSubject } from './subject.ts';

const everything: EventQuery = { limit: 1000, order: 'asc', after: null, createdAt: {}, types: null };

async function list(it: Subject, query: Partial<EventQuery> = {}): Promise<SessionEvent[]> {
  return (await it.log.events('sesn_1', { ...everything, ...query })).map(({ item }) => item);
}

/** A turn that has ended, then one that runs, with two messages behind it. */
async function busySession(it: Subject): Promise<readonly [string, string]> {
  await it.create();
  await it.send('sesn_1', 'one');
  await it.decide('sesn_1', goOn);
  await it.decide('sesn_1', answer);
  await it.send('sesn_1', 'two');
  await it.decide('sesn_1', goOn);
  const [first, second] = await it.send('sesn_1', 'three', 'four');
  assert.ok(first && second);
  return [first, second];
}

/** How the log shows its events: lists, what was accepted, where it was delivered. */
export function sessionEventsContract(make: MakeStore): void {
  listContract(make);

  test('an event is delivered where it was emitted or consumed, and nowhere while it is queued', async () => {
    await using it = await openSubject(make);
    const queued = await busySession(it);
    for (const id of queued) assert.equal(await it.log.deliveredAt('sesn_1', id), null);
    await it.decide('sesn_1', answer);
    for (const { seq, entry } of await it.records('sesn_1')) {
      if (entry.kind === 'emitted') assert.equal(await it.log.deliveredAt('sesn_1', entry.event.id), seq);
      if (entry.kind === 'consumed') assert.equal(await it.log.deliveredAt('sesn_1', entry.eventId), seq);
    }
    assert.notEqual(await it.log.deliveredAt('sesn_1', queued[0]), null);
    assert.equal(await it.log.deliveredAt('sesn_1', 'sevt_0'), null);
    assert.equal(await it.log.deliveredAt('sesn_0', queued[0]), null);
  });

  test('an accepted event is kept as it came, before and after it was consumed', async () => {
    await using it = await openSubject(make);
    const [id] = await busySession(it);
    const accepted = {
      type: 'user.message',
      content: [{ type: 'text', text: 'three' }],
      id,
      processed_at: null,
    };
    assert.deepEqual(await it.log.accepted('sesn_1', id), accepted);
    await it.decide('sesn_1', answer);
    assert.notEqual(await it.log.deliveredAt('sesn_1', id), null);
    assert.deepEqual(await it.log.accepted('sesn_1', id), accepted);
    const [emitted] = await list(it, { types: ['agent.message'] });
    assert.equal(await it.log.accepted('sesn_1', emitted?.id ?? ''), null, 'the server said that');
    assert.equal(await it.log.accepted('sesn_1', 'sevt_0'), null);
  });

  test('an event of any size and alphabet comes back as it was', async () => {
    await using it = await openSubject(make);
    await it.create();
    for (const unit of ['a', 'é', '蟻', '🐜', '\u0000', '\ud83d', '"\\\n']) {
      const words = unit.repeat(Math.ceil((entryBodyBytesMax * 1.5) / unit.length));
      const [id] = await it.send('sesn_1', words);
      const event = await it.log.accepted('sesn_1', id ?? '');
      assert.ok(event?.type === 'user.message');
      assert.ok(JSON.stringify(event.content) === JSON.stringify([{ type: 'text', text: words }]), unit);
      assert.ok(JSON.stringify((await list(it)).at(-1)) === JSON.stringify(event), unit);
    }
  });
}

function listContract(make: MakeStore): void {
  test('queued events are listed last without a time, and where they were processed from then on', async () => {
    await using it = await openSubject(make);
    const queued = await busySession(it);
    const before = await list(it);
    assert.deepEqual(
      before.slice(-2).map(({ id, processed_at }) => [id, processed_at]),
      queued.map((id) => [id, null]),
    );
    assert.deepEqual(before.slice(0, -2), delivered(await it.records('sesn_1')));

    await it.decide('sesn_1', answer);
    const after = await list(it);
    assert.deepEqual(after, delivered(await it.records('sesn_1')));
    assert.ok(after.length > before.length && after.at(-1)?.type === 'span.model_request_start');
    assert.ok(after.every(({ processed_at }) => processed_at != null));
  });

  test('pages neither skip nor repeat an event, queued ones included', async () => {
    await using it = await openSubject(make);
    await busySession(it);
    await assertPages((query) => it.log.events('sesn_1', { ...query, types: null }), await list(it));
  });

  test('a page resumes behind its position although events were added and moved', async () => {
    await using it = await openSubject(make);
    await busySession(it);
    const page = await it.log.events('sesn_1', { ...everything, limit: 5 });
    await it.decide('sesn_1', answer);
    const after = page.at(-1)?.position ?? null;
    assert.deepEqual([...page.map(({ item }) => item), ...(await list(it, { after }))], await list(it));
  });

  test('a page that ended among queued events goes on with what was processed since', async () => {
    await using it = await openSubject(make);
    const [first, second] = await busySession(it);
    const all = await list(it);
    const page = await it.log.events('sesn_1', { ...everything, limit: all.length - 1 });
    assert.equal(page.at(-1)?.item.id, first);
    const after = page.at(-1)?.position ?? null;
    assert.deepEqual(
      (await list(it, { after })).map(({ id }) => id),
      [second],
    );
    assert.deepEqual(await list(it, { after, createdAt: { gte: 0 } }), [], 'what is queued has no time');
    await it.decide('sesn_1', answer);
    const seen = new Set(page.flatMap(({ item }) => (item.processed_at == null ? [] : [item.id])));
    assert.deepEqual(
      await list(it, { after }),
      (await list(it)).filter(({ id }) => !seen.has(id)),
    );
  });

  test('a list is of the types asked for', async () => {
    await using it = await openSubject(make);
    await busySession(it);
    const all = await list(it);
    const wanted: EventType[][] = [
      ['user.message'],
      ['agent.message', 'session.status_idle'],
      ['session.error'],
    ];
    for (const types of wanted) {
      const expected = all.filter((event) => types.some((type) => type === event.type));
      assert.deepEqual(await list(it, { types }), expected);
      await assertPages((query) => it.log.events('sesn_1', { ...query, types }), expected);
    }
  });

  test('bounds on the time hold, and no queued event has one', async () => {
    await using it = await openSubject(make);
    await busySession(it);
    const listed = await it.log.events('sesn_1', everything);
    const processed = listed
      .filter(({ item }) => item.processed_at != null)
      .map(({ item, position: [atUs] }) => ({ item, atUs }));
    assert.equal(processed.length, listed.length - 2);
    await assertBounds((query) => it.log.events('sesn_1', { ...query, types: null }), processed);
  });
}
