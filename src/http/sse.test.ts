import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fakeClock } from '../../test/support/clock.ts';
import type { EventStream, StreamItem } from '../control/stream-events.ts';
import { streamChunkCharactersMax, streamHeartbeatMs } from '../domain/limits.ts';
import { readsOnlyMessages, sseResponse } from './sse.ts';

const ping = 'event: ping\ndata: {"type": "ping"}\n\n';
const deleted = { id: 'sevt_1', type: 'session.deleted', processed_at: '2026-11-24T00:00:00Z' } as const;
const event: StreamItem = { type: 'event', event: deleted, id: deleted.id };
const overflow: StreamItem = { type: 'overflow' };

/** What the session's side says; `isOpen` goes on silently until it is closed. */
function streamOf(items: readonly StreamItem[], isOpen = false) {
  const closed = Promise.withResolvers<void>();
  async function* read(): AsyncGenerator<readonly StreamItem[]> {
    yield items;
    if (isOpen) await closed.promise;
  }
  const events: EventStream = { [Symbol.asyncIterator]: read, close: () => closed.resolve() };
  return { events, closed: closed.promise };
}

function respond(events: EventStream, clock = fakeClock(), onlyMessages = false): Response {
  const extraHeaders = { 'request-id': 'req_1' };
  return sseResponse(events, {
    clock,
    frames: new WeakMap(),
    extraHeaders,
    onlyMessages,
    check: async () => {},
  });
}

test('a stream begins at once, frames each event with its id, and ends with its source', async () => {
  const { events, closed } = streamOf([event]);
  const response = respond(events);
  assert.equal(response.headers.get('content-type'), 'text/event-stream; charset=utf-8');
  assert.equal(response.headers.get('request-id'), 'req_1');
  const frame = `event: session.deleted\nid: sevt_1\ndata: ${JSON.stringify(deleted)}\n\n`;
  assert.equal(await response.text(), `${ping}${frame}`);
  await closed;
});

test('events that come at once go out together, in chunks of bounded size', async () => {
  const long = 'x'.repeat(streamChunkCharactersMax / 4);
  const many = Array.from({ length: 10 }, (_, i): StreamItem => {
    const id = `sevt_${i}${long}`;
    return { type: 'event', event: { ...deleted, id }, id };
  });
  const chunks: string[] = [];
  for await (const chunk of respond(streamOf(many).events).body ?? [])
    chunks.push(Buffer.from(chunk).toString());
  assert.equal(chunks.length, 6);
  const ids = chunks.join('').match(/(?<=^id: sevt_)\d/gm);
  assert.deepEqual(ids, [...'0123456789']);
});

test('every frame of an event is named message for a client that reads no other', async () => {
  const text = await respond(streamOf([event]).events, fakeClock(), true).text();
  assert.equal(text, `${ping}event: message\nid: sevt_1\ndata: ${JSON.stringify(deleted)}\n\n`);
});

const clients: readonly (readonly [lang: string, version: string, isOne: boolean])[] = [
  ['js', '0.86.1', true],
  ['js', '0.88.0', true],
  ['js', '0.89.0', false],
  ['js', '0.120.0', false],
  ['js', '1.12.0', false],
  ['js', 'x', false],
  ['python', '0.86.0', false],
];
for (const [lang, version, isOne] of clients) {
  test(`the SDK ${version} for ${lang} ${isOne ? 'is one' : 'is none'}`, () => {
    const headers = new Headers({ 'x-stainless-lang': lang, 'x-stainless-package-version': version });
    assert.equal(readsOnlyMessages(headers), isOne);
  });
}

test('a reader who fell too far behind is told so, and the stream ends', async () => {
  const { events, closed } = streamOf([overflow], true);
  const text = await respond(events).text();
  assert.match(
    text,
    /^event: ping\n.*\n\nevent: error\ndata: \{"type":"error","error":\{"type":"api_error",.*Last-Event-ID.*\}\}\n\n$/,
  );
  await closed;
});

test('a silent stream is kept alive by a heartbeat', async () => {
  const clock = fakeClock();
  const { events } = streamOf([], true);
  const reader = respond(events, clock).body?.getReader();
  await reader?.read();
  clock.advance(streamHeartbeatMs);
  assert.equal(Buffer.from((await reader?.read())?.value ?? []).toString(), ping);
  await reader?.cancel();
});

test('a client that hangs up lets go of the session', async () => {
  const { events, closed } = streamOf([], true);
  await respond(events).body?.cancel();
  await closed;
});
