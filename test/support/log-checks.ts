import assert from 'node:assert/strict';
import { unknownOutcomeText } from '../../src/domain/session/calls.ts';
import type { LogRecord } from '../../src/domain/session/entry.ts';
import { evolve } from '../../src/domain/session/evolve.ts';
import type { SessionState } from '../../src/domain/session/state.ts';
import type { SessionEvent } from '../../src/protocol/events.ts';

const readOnlyTools = ['read', 'glob', 'grep'];

/** What is true of every session's log, whatever happened to its server. */
export function checkLog(records: readonly LogRecord[], state: SessionState): void {
  records.forEach(({ seq }, index) => {
    assert.equal(seq, index + 1, 'the sequence has no gaps');
  });
  assert.deepEqual(
    records.reduce(evolve, null as SessionState | null),
    state,
    'a refold gives the same state',
  );
  const events = delivered(records);
  checkStamps(events);
  checkCalls(events);
  checkStatuses(events);
  checkWork(events);
  checkSpans(events);
}

/** Events in the order streams deliver them. */
export function delivered(records: readonly LogRecord[]): SessionEvent[] {
  const queued = new Map<string, SessionEvent>();
  return records.flatMap(({ entry }): SessionEvent[] => {
    if (entry.kind === 'emitted') return [entry.event];
    if (entry.kind === 'accepted' && entry.event.processed_at != null) return [entry.event];
    if (entry.kind === 'accepted') queued.set(entry.event.id, entry.event);
    if (entry.kind !== 'consumed') return [];
    const event = queued.get(entry.eventId);
    assert.ok(event, `${entry.eventId} is consumed once, and was accepted before`);
    queued.delete(entry.eventId);
    // Stamping does not change which member of the union it is.
    return [{ ...event, processed_at: entry.processedAt } as SessionEvent];
  });
}

function checkStamps(events: readonly SessionEvent[]): void {
  events.forEach((event, index) => {
    const before = events[index - 1]?.processed_at ?? '';
    assert.ok((event.processed_at ?? '') > before, `${event.type} is stamped after ${before}`);
  });
}

function checkCalls(events: readonly SessionEvent[]): void {
  const uses = events.filter((event) => /^agent\.(mcp_|custom_)?tool_use$/.test(event.type));
  const answered = events.flatMap((event) => {
    if (event.type === 'agent.tool_result') return [event.tool_use_id];
    if (event.type === 'agent.mcp_tool_result') return [event.mcp_tool_use_id];
    return event.type === 'user.custom_tool_result' ? [event.custom_tool_use_id] : [];
  });
  assert.deepEqual(
    answered.toSorted(),
    uses.map(({ id }) => id).toSorted(),
    'every tool use has exactly one result',
  );
}

/** Permissions take effect in the order of the calls: an earlier call is settled before a later one. */
export function checkAnswers(events: readonly SessionEvent[]): void {
  let open: string[] = [];
  for (const event of events) {
    if (event.type === 'span.model_request_start') open = [];
    if (event.type === 'agent.custom_tool_use' || asks(event)) open.push(event.id);
    if (event.type === 'user.tool_confirmation' && open.includes(event.tool_use_id))
      assert.equal(event.tool_use_id, open[0], 'a permission is given before an earlier call is settled');
    const settled = settledBy(event);
    open = open.filter((id) => id !== settled);
  }
}

function asks(event: SessionEvent): boolean {
  return event.type === 'agent.tool_use' && event.evaluated_permission === 'ask';
}

function settledBy(event: SessionEvent): string | null {
  if (event.type === 'user.tool_confirmation' || event.type === 'agent.tool_result') return event.tool_use_id;
  return event.type === 'user.custom_tool_result' ? event.custom_tool_use_id : null;
}

/** After a turn that failed for good, nothing but a client starts the next. */
export function checkFlushes(records: readonly LogRecord[]): void {
  records.forEach(({ entry }, index) => {
    if (entry.kind !== 'emitted' || entry.event.type !== 'session.status_idle') return;
    if (entry.event.stop_reason.type !== 'retries_exhausted') return;
    const next = records[index + 1]?.entry;
    const isRestarted = next?.kind === 'emitted' && next.event.type === 'session.status_running';
    assert.ok(!isRestarted, 'a dead turn flushes what was queued');
  });
}

/** thread idle, usage, idle: the three that end every turn, each right behind the other. */
export function checkRests(events: readonly SessionEvent[]): void {
  events.forEach(({ type }, index) => {
    if (type !== 'session.status_idle') return;
    const before = events.slice(Math.max(0, index - 2), index).map((event) => event.type);
    assert.deepEqual(before, ['session.thread_status_idle', 'session.usage'], 'what comes before idle');
  });
}

/** A message is shown to the model at once, or ends with the turn that failed or the session that was archived. */
export function checkInputs(events: readonly SessionEvent[]): void {
  events.forEach(({ type }, index) => {
    if (type !== 'user.message') return;
    const next = events.slice(index + 1).find((event) => !/^(user|system)\./.test(event.type));
    const isFlushed =
      next?.type === 'session.thread_status_terminated' ||
      (next?.type === 'session.thread_status_idle' && next.stop_reason.type === 'retries_exhausted');
    assert.ok(
      isFlushed || next?.type === 'span.model_request_start',
      `a message is followed by ${next?.type}`,
    );
  });
}

function checkStatuses(events: readonly SessionEvent[]): void {
  const legal: Readonly<Record<string, readonly string[]>> = {
    idle: ['running', 'terminated'],
    running: ['idle', 'rescheduled', 'terminated'],
    rescheduled: ['running', 'idle', 'terminated'],
    terminated: [],
  };
  let status = 'idle';
  for (const { type } of events) {
    const next = /^session\.status_(\w+)$/.exec(type)?.[1];
    if (next === undefined) continue;
    const repeated = next === status && next === 'idle';
    assert.ok(repeated || legal[status]?.includes(next), `${status} → ${next} is a legal step`);
    status = next;
  }
}

/** The model and the tools work only while session and thread run. */
function checkWork(events: readonly SessionEvent[]): void {
  const status = { session: 'idle', thread: 'idle' };
  for (const { type } of events) {
    const [, thread, next = ''] = /^session\.(thread_)?status_(\w+)$/.exec(type) ?? [];
    if (next !== '') status[thread === undefined ? 'session' : 'thread'] = next;
    if (!/^(span|agent)\./.test(type) || type === 'agent.tool_result' || type === 'agent.mcp_tool_result')
      continue;
    assert.deepEqual(status, { session: 'running', thread: 'running' }, `at ${type}`);
  }
}

function checkSpans(events: readonly SessionEvent[]): void {
  let open: string | null = null;
  for (const event of events) {
    if (event.type === 'span.model_request_start') {
      assert.equal(open, null, 'one request at a time');
      open = event.id;
    }
    if (event.type !== 'span.model_request_end') continue;
    assert.equal(event.model_request_start_id, open, 'a span ends the one that is open');
    open = null;
  }
  assert.equal(open, null, 'no request is left open');
}

/**
 * What a client would call the same story: events without ids, times and counts of tokens; model requests
 * that came to nothing left out; parallel results in the order of their calls, whichever ended first;
 * results that a crash made unknown marked as such.
 */
export function storyOf(events: readonly SessionEvent[], { keepFailures = false } = {}): StoryLine[] {
  const isFailedEnd = (event: SessionEvent) =>
    event.type === 'span.model_request_end' && event.is_error === true && !keepFailures;
  const failed = new Set(
    events.flatMap((event) =>
      event.type === 'span.model_request_end' && isFailedEnd(event) ? [event.model_request_start_id] : [],
    ),
  );
  const kept = events.filter((event) => !failed.has(event.id) && !isFailedEnd(event));
  const names = ordinals(kept);
  return resultsInCallOrder(kept.map((event) => withoutNoise(event, names)));
}

type StoryLine = { readonly type: string; readonly tool_use_id?: string; readonly unknown?: true };

/** `agent.tool_use 2` for the second tool use: what references say instead of ids. */
function ordinals(events: readonly SessionEvent[]): ReadonlyMap<string, string> {
  const counts = new Map<string, number>();
  return new Map(
    events.map(({ id, type }) => {
      const count = (counts.get(type) ?? 0) + 1;
      counts.set(type, count);
      return [id, `${type} ${count}`];
    }),
  );
}

const noise = new Set(['id', 'processed_at', 'usage', 'model_usage', 'session_thread_id']);

function withoutNoise(event: SessionEvent, names: ReadonlyMap<string, string>): StoryLine {
  const isUnknown = JSON.stringify(event).includes(unknownOutcomeText);
  const text = JSON.stringify(event, (key, part: unknown) => {
    if (noise.has(key)) return undefined;
    return (typeof part === 'string' ? names.get(part) : undefined) ?? part;
  });
  const line: StoryLine = JSON.parse(text);
  return isUnknown ? { ...line, unknown: true } : line;
}

function resultsInCallOrder(lines: readonly StoryLine[]): StoryLine[] {
  const rank = (line: StoryLine | undefined) =>
    line?.type === 'agent.tool_result' ? Number(line.tool_use_id?.split(' ').at(-1)) : null;
  const sorted = [...lines];
  // Insertion within a run of results; everything else stays where it is.
  for (let end = 1; end < sorted.length; end++) {
    for (let at = end; at > 0; at--) {
      const [before, here] = [rank(sorted[at - 1]), rank(sorted[at])];
      if (before === null || here === null || before <= here) break;
      sorted.splice(at - 1, 2, ...sorted.slice(at - 1, at + 1).reverse());
    }
  }
  return sorted;
}

/** Compares two stories; a result that a crash made unknown may stand for the one it replaced. */
export function assertSameStory(
  actual: readonly StoryLine[],
  expected: readonly StoryLine[],
  unknownMax: number,
): void {
  const seen = actual.map((line, index) => {
    const original = expected[index];
    return line.unknown && line.tool_use_id === original?.tool_use_id ? original : line;
  });
  assert.deepEqual(seen, expected);
  const unknown = actual.filter((line) => line.unknown).length;
  assert.ok(unknown <= unknownMax, `${unknown} results are unknown, at most ${unknownMax} were in flight`);
}

/** At most once; exactly once when the log says so. Tools that only read may be asked again. */
export function checkSideEffects(
  executed: ReadonlyMap<string, number>,
  events: readonly SessionEvent[],
): void {
  for (const event of events) {
    if (event.type !== 'agent.tool_use' || readOnlyTools.includes(event.name)) continue;
    const times = executed.get(event.id) ?? 0;
    assert.ok(times <= 1, `${event.name} ran ${times} times`);
    const result = events.find(
      (other) => other.type === 'agent.tool_result' && other.tool_use_id === event.id && !other.is_error,
    );
    if (result) assert.equal(times, 1, `${event.name} has a result, so it ran`);
  }
}
