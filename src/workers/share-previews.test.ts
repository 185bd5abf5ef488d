import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fakeClock } from '../../test/support/clock.ts';
import type { Message } from '../domain/hints.ts';
import { previewsCollectedMs } from '../domain/limits.ts';
import type { LogRecord } from '../domain/session/entry.ts';
import type { TailItem } from '../domain/tails.ts';
import type { PreviewEvent } from '../protocol/events.ts';
import { createTails } from '../store/tails.ts';
import { sharePreviews } from './share-previews.ts';

const sessionId = 'sesn_1';
const start: PreviewEvent = { type: 'event_start', event: { type: 'agent.message', id: 'sevt_m' } };
const text = (words: string): PreviewEvent => ({
  type: 'event_delta',
  event_id: 'sevt_m',
  delta: { type: 'content_delta', index: 0, content: { type: 'text', text: words } },
});
const recordOf = (event: object) => ({ seq: 1, entry: { kind: 'emitted', event } }) as unknown as LogRecord;

/** Two servers: the turn runs here, a stream is there; messages go from one to the other at once. */
function twoServers() {
  const clock = fakeClock(0);
  const near = createTails(clock);
  const far = createTails(clock, { previewsWanted: (id) => there.want(id) });
  let isHeard = true;
  let previewsSaid = 0;
  const there = sharePreviews({
    ...{ tails: far, clock, isRunning: () => false },
    tell(message) {
      here.heard(message);
      return true;
    },
  });
  const here = sharePreviews({
    ...{ tails: near, clock, isRunning: () => true },
    tell(message) {
      if (message.type === 'previews') previewsSaid += 1;
      if (isHeard) there.heard(message);
      return true;
    },
  });
  function commit(type: 'span.model_request_start' | 'span.model_request_end', id: string): void {
    const records = [recordOf({ type, id, model_request_start_id: id })];
    near.publish({ sessionId, records });
    here.noticeCommit({ sessionId, records });
    const isAsked = type === 'span.model_request_start';
    there.heard({ type: 'commit', sessionId, isAsked, isAnswered: !isAsked, farewell: null } as Message);
  }
  return {
    ...{ here, there, far },
    begin: (id = 'r1') => commit('span.model_request_start', id),
    end: (id = 'r1') => commit('span.model_request_end', id),
    offer(preview: PreviewEvent, requestId = 'r1') {
      near.preview(sessionId, { preview, requestId, isSoFar: false });
      here.offer(sessionId, { preview, requestId, isSoFar: false });
    },
    async pass() {
      clock.advance(previewsCollectedMs);
      await new Promise((resolve) => setImmediate(resolve));
    },
    deafen: (isDeaf: boolean) => (isHeard = !isDeaf),
    said: () => previewsSaid,
  };
}

/** What a stream was shown, from when it came until its server stops: starts as `>`, what is marked in brackets. */
async function shown(tail: AsyncIterable<TailItem>): Promise<string> {
  let all = '';
  for await (const item of tail) if (item.type === 'preview') all += shownOf(item);
  return all;
}

function shownOf({ preview, isSoFar }: TailItem & { type: 'preview' }): string {
  const one = preview.type === 'event_start' ? '>' : preview.delta.content.text;
  return isSoFar ? `[${one}]` : one;
}

describe('previews for streams at another server', () => {
  test('are collected, and the last of them come before the reply is over', async () => {
    const servers = twoServers();
    const tail = servers.far.attach(sessionId, { wantsPreviews: true });
    servers.begin();
    for (const one of [start, text('One '), text('word ')]) servers.offer(one);
    assert.equal(servers.said(), 0);
    await servers.pass();
    assert.equal(servers.said(), 1);
    servers.offer(text('more'));
    assert.equal(servers.far.underWay(sessionId)?.previews.length, 2);
    servers.end();
    assert.equal(servers.said(), 2);
    assert.equal(servers.far.underWay(sessionId), null);
    servers.far.close();
    assert.equal(await shown(tail), '>One word more');
  });

  test('are not told while nobody there wants them', async () => {
    const servers = twoServers();
    servers.far.attach(sessionId);
    servers.begin();
    servers.offer(start);
    await servers.pass();
    servers.end();
    assert.equal(servers.said(), 0);
  });

  test('a stream that comes in the middle makes all of them come, marked, then the rest', async () => {
    const servers = twoServers();
    servers.begin();
    servers.offer(start);
    servers.offer(text('So far, '));
    await servers.pass();
    assert.equal(servers.said(), 0);
    const tail = servers.far.attach(sessionId, { wantsPreviews: true });
    servers.far.attach(sessionId, { wantsPreviews: true });
    servers.offer(text('and on'));
    await servers.pass();
    servers.far.close();
    assert.equal(await shown(tail), '[>][So far, ]and on');
  });

  test('what a third server asks for changes nothing for who follows already', async () => {
    const servers = twoServers();
    const tail = servers.far.attach(sessionId, { wantsPreviews: true });
    servers.begin();
    for (const one of [start, text('One ')]) servers.offer(one);
    servers.here.heard({ type: 'previews_wanted', sessionId });
    servers.offer(text('two'));
    await servers.pass();
    servers.far.close();
    assert.equal(await shown(tail), '>One two');
  });

  test('a piece that is lost is the last of its reply; the next reply comes whole', async () => {
    const servers = twoServers();
    const tail = servers.far.attach(sessionId, { wantsPreviews: true });
    servers.begin();
    for (const one of [start, text('One ')]) servers.offer(one);
    await servers.pass();
    servers.deafen(true);
    servers.offer(text('lost '));
    await servers.pass();
    servers.deafen(false);
    servers.offer(text('three'));
    await servers.pass();
    servers.end();
    servers.begin('r2');
    for (const one of [start, text('anew')]) servers.offer(one, 'r2');
    await servers.pass();
    servers.far.close();
    assert.equal(await shown(tail), '>One >anew');
  });

  test('who was deaf for a while forgets what it had heard, and hears no more of it', async () => {
    const servers = twoServers();
    const tail = servers.far.attach(sessionId, { wantsPreviews: true });
    servers.begin();
    servers.offer(start);
    await servers.pass();
    servers.there.missed();
    servers.offer(text('more'));
    await servers.pass();
    assert.equal(servers.far.underWay(sessionId), null);
    servers.far.close();
    assert.equal(await shown(tail), '>');
  });
});
