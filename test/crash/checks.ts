import assert from 'node:assert/strict';
import { unknownOutcomeText } from '../../src/domain/session/calls.ts';
import type { ListedEvent } from '../support/server-sessions.ts';
import type { Post } from './fleet.ts';
import type { Outside } from './outside.ts';
import type { Teller } from './teller.ts';

/** Nothing that was answered with 200 is lost, and nothing came twice that was not sent twice. */
export function checkInputs(events: readonly ListedEvent[], posts: readonly Post[]): void {
  const ids = events.map(({ id }) => id);
  assert.equal(new Set(ids).size, ids.length, 'an event is listed twice');
  for (const { accepted, body } of posts)
    for (const id of accepted ?? []) assert.ok(ids.includes(id), `${id} was accepted and is lost: ${body}`);
  for (const text of new Set(events.flatMap(wordsOf))) {
    const attempts = posts.filter(({ body }) => body.includes(JSON.stringify(text)));
    const times = events.filter((event) => wordsOf(event).includes(text)).length;
    const surely = attempts.filter(({ accepted }) => accepted).length;
    assert.ok(times >= Math.max(1, surely), `"${text}" is lost`);
    assert.ok(times <= attempts.length, `"${text}" is there ${times} times, sent ${attempts.length} times`);
  }
  for (const event of events) assert.ok(event.processed_at, `${event.type} was never processed`);
}

function wordsOf(event: ListedEvent): readonly string[] {
  if (event.type !== 'user.message') return [];
  return event.content.flatMap((block) => ('text' in block ? [block.text] : []));
}

/** Every call has one result. An effect happens once if its result says so, at most once whatever it says. */
export function checkCalls(events: readonly ListedEvent[], { effects }: Outside): readonly string[] {
  const results = new Map<string, ListedEvent[]>();
  for (const event of events) {
    const id = answeredBy(event);
    if (id !== null) results.set(id, [...(results.get(id) ?? []), event]);
  }
  const known: string[] = [];
  for (const event of events) {
    if (event.type !== 'agent.tool_use' && event.type !== 'agent.custom_tool_use') continue;
    const [result, ...more] = results.get(event.id) ?? [];
    assert.ok(result && more.length === 0, `${event.id} has ${result ? 1 + more.length : 'no'} results`);
    if (event.type !== 'agent.tool_use') continue;
    const id = String(event.input['command']).match(/[0-9a-f-]{36}/)?.[0] ?? '';
    known.push(id);
    const times = effects.get(id) ?? 0;
    assert.ok(times <= 1, `a tool ran ${times} times`);
    const isSure = result.type === 'agent.tool_result' && !result.is_error;
    if (isSure) assert.equal(times, 1, 'a tool has a result and did not run');
    if (result.type === 'agent.tool_result' && result.is_error)
      assert.match(JSON.stringify(result.content), expectedErrors, `a tool failed by itself: ${event.id}`);
  }
  return known;
}

const expectedErrors = new RegExp(`${unknownOutcomeText.slice(0, 40)}|interrupted before completion`);

function answeredBy(event: ListedEvent): string | null {
  if (event.type === 'agent.tool_result') return event.tool_use_id;
  return event.type === 'user.custom_tool_result' ? event.custom_tool_use_id : null;
}

/** The session rests, without an error, and streams have shown what the log has: nothing twice, no gap. */
export function checkRest(events: readonly ListedEvent[], { seen }: Teller): void {
  const last = events.at(-1);
  const isInterrupt = last?.type === 'user.interrupt';
  assert.ok(last?.type === 'session.status_idle' || isInterrupt, `the last event is ${last?.type}`);
  const errors = events.filter(({ type }) => type === 'session.error');
  assert.deepEqual(errors, [], 'a crash is no error of the session');
  const streamed = seen.flatMap((event) => ('id' in event ? [event.id] : []));
  const listed = events.map(({ id }) => id);
  assert.deepEqual(streamed, listed, 'streams and lists differ');
}
