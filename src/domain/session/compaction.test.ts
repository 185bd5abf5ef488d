import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { PureSession } from '../../../test/support/pure-session.ts';
import { message, pureSession, text, toolUse } from '../../../test/support/pure-session.ts';
import { chainToArray } from '../../base/chain.ts';
import { clearedResultsKept, compactionsMax } from '../limits.ts';
import { compactionRequest } from './compaction-request.ts';
import { contextOf } from './context.ts';

const window = { contextTokensMax: 10_000, clearsResults: false };
const words = (tokens: number, word = 'x') => word.repeat(Math.floor(tokens * 3.5));

/** As if the provider had counted more than the window holds. */
const overflow = (session: PureSession) => session.decide((draft) => draft.append({ kind: 'overflowed' }));

const typesOf = (session: PureSession) => chainToArray(session.state().conversation).map((item) => item.type);
const rolesOf = (session: PureSession) => contextOf(session.state()).messages.map(({ role }) => role);

/** A turn in which the agent reads a file of that many tokens. */
function readFile(session: PureSession, tokens: number): void {
  session.reply(toolUse(`t${session.entries.length}`, 'read', { file_path: 'a' }));
  session.advance({ window });
  const [call] = session.state().round.calls;
  session.result(call?.eventId ?? '', {
    content: [{ type: 'text', text: words(tokens) }],
    isError: false,
  });
}

/** The provider's own count is small in these sessions, so that the estimate decides. */
function talk(...texts: string[]): PureSession {
  const session = pureSession();
  for (const said of texts) {
    session.send(message(said));
    session.advance({ window });
    session.reply(text('Yes.'));
    session.advance({ window });
  }
  return session;
}

describe('old tool results', () => {
  test('are left out many at a time when the window fills, the newest stay, and every call keeps its answer', () => {
    const session = pureSession();
    session.send(message('go'));
    session.advance({ window });
    const read = clearedResultsKept + 3;
    for (let at = 0; at < read; at++) {
      readFile(session, 900);
      // The provider counts what it is shown.
      session.decide((draft) => draft.append({ kind: 'cleared', items: 0 }));
      const step = session.advance({ window: { ...window, contextTokensMax: 1e9 } });
      assert.equal(step.type, 'request');
    }
    readFile(session, 7_000);
    const before = contextOf(session.state()).messages;
    assert.notEqual(session.advance({ window: { ...window, contextTokensMax: 11_000 } }).type, 'rest');
    const after = contextOf(session.state()).messages;
    const cleared = JSON.stringify(after).match(/This old tool result was left out/g)?.length ?? 0;
    assert.equal(cleared, read + 1 - clearedResultsKept);
    assert.deepEqual(
      after.map(({ role, content }) => [role, content.map((block) => block['tool_use_id'] ?? block.type)]),
      before.map(({ role, content }) => [role, content.map((block) => block['tool_use_id'] ?? block.type)]),
    );
  });

  test('stay where the provider leaves them out itself, and where little would be gained', () => {
    for (const [tokens, clearsResults] of [
      [900, true],
      [50, false],
    ] as const) {
      const session = pureSession();
      session.send(message(words(6_500)));
      session.advance({ window: { ...window, clearsResults } });
      for (let at = 0; at < clearedResultsKept + 1; at++) {
        readFile(session, tokens);
        session.advance({ window: { contextTokensMax: 1e9, clearsResults } });
      }
      readFile(session, tokens);
      session.advance({ window: { contextTokensMax: 1e9, clearsResults } });
      assert.ok(!session.entries.some(({ kind }) => kind === 'cleared'));
    }
  });
});

describe('a conversation that outgrows the window', () => {
  test('is summarized before the next request; the user’s own words and the newest items stay', () => {
    const session = talk('Plant the garden.', words(8_200), 'And then?');
    session.send(message('Go on.'));
    overflow(session);
    const step = session.advance({ window });
    assert.ok(step.type === 'compact');
    session.compact(step.items, 'A garden was planted.');
    assert.deepEqual(session.types().slice(-1), ['agent.thread_context_compacted']);
    assert.equal(session.advance({ window }).type, 'request');
    assert.equal(typesOf(session)[0], 'summary');
    const shown = JSON.stringify(contextOf(session.state()).messages);
    assert.match(shown, /A garden was planted\./);
    assert.match(shown, /Go on\./);
    assert.ok(rolesOf(session).every((role, at) => role === (at % 2 === 0 ? 'user' : 'assistant')));
    assert.ok(session.state().contextTokens < 5_000, `${session.state().contextTokens} tokens`);
    // What the summary cost counts.
    assert.equal(session.state().usage.costMicroCents, 500 + 3 * 1_000);
  });

  test('never separates a tool’s result from its call', () => {
    const session = pureSession();
    session.send(message('go'));
    session.advance({ window });
    readFile(session, 8_500);
    const step = session.advance({ window });
    assert.ok(step.type === 'compact');
    assert.equal(step.items, typesOf(session).length, 'the call and its result go together');
    session.compact(step.items, 'It was read.');
    assert.equal(session.advance({ window }).type, 'request');
    assert.deepEqual(rolesOf(session), ['user']);
  });

  test('is given up after several summaries in a row that do not help', () => {
    const session = pureSession([], { agent: bigAgent() });
    session.send(message('hi'));
    session.advance({ window: { ...window, contextTokensMax: 1e9 } });
    session.reply(text('Hm.'));
    session.advance({ window: { ...window, contextTokensMax: 1e9 } });
    session.send(message('again'));
    overflow(session);
    for (let at = 0; at < compactionsMax; at++) {
      const step = session.advance({ window });
      assert.ok(step.type === 'compact', `${at}: ${step.type}`);
      session.compact(step.items, 'Short.');
    }
    assert.equal(session.advance({ window }).type, 'rest');
    assert.equal(errorOf(session), 'compaction_limit_reached_error');
    assert.deepEqual(session.state().stopReason, { type: 'retries_exhausted' });
  });

  test('is summarized when the provider says so, whatever was counted', () => {
    const session = talk('one', 'two');
    session.send(message('three'));
    session.advance({ window });
    assert.equal(session.fail({ retryable: false, kind: 'context_overflow' }), null);
    const step = session.advance({ window });
    assert.ok(step.type === 'compact');
    session.compact(step.items, 'Counting.');
    assert.equal(session.advance({ window }).type, 'request');
    assert.equal(session.state().round.compactions, 1);
    session.reply(text('Four.'));
    assert.equal(session.state().round.compactions, 0);
  });

  test('is given up when the request for its summary is too long, too', () => {
    const session = talk('one', 'two');
    session.send(message('three'));
    session.advance({ window });
    session.fail({ retryable: false, kind: 'context_overflow' });
    assert.equal(session.advance({ window }).type, 'compact');
    assert.deepEqual(session.fail({ retryable: false, kind: 'context_overflow' }), { type: 'rest' });
    assert.equal(errorOf(session), 'compaction_limit_reached_error');
    assert.deepEqual(session.state().stopReason, { type: 'retries_exhausted' });
  });

  test('is given up when the provider still refuses what was summarized several times', () => {
    const session = talk('one', 'two');
    session.send(message('three'));
    for (let at = 0; at < compactionsMax; at++) {
      session.advance({ window });
      session.fail({ retryable: false, kind: 'context_overflow' });
      const step = session.advance({ window });
      assert.ok(step.type === 'compact', `${at}: ${step.type}`);
      session.compact(step.items, 'Short.');
    }
    session.advance({ window });
    assert.deepEqual(session.fail({ retryable: false, kind: 'context_overflow' }), { type: 'rest' });
    assert.equal(errorOf(session), 'compaction_limit_reached_error');
  });

  test('asks for its summary in a request that always fits and cannot call tools', () => {
    const session = talk('Plant the garden.', words(50_000, 'w'), 'And the roses.');
    const { messages, tools, system } = compactionRequest(session.state(), 6, 10_000);
    const said = JSON.stringify(messages);
    assert.ok(said.length < 10_000 * 3.5 * 0.6, `${said.length} characters`);
    assert.match(said, /Plant the garden.*And the roses/s);
    assert.deepEqual(tools, []);
    assert.match(system, /memory of an AI agent/);
  });

  test('keeps what the user said through several summaries', () => {
    const session = talk(words(2_000, 'a'), 'First wish.');
    for (const summary of ['One.', 'Two.']) {
      session.send(message(`Then ${summary}`));
      overflow(session);
      const step = session.advance({ window });
      assert.ok(step.type === 'compact');
      session.compact(step.items, summary);
      session.advance({ window });
      session.reply(text(words(1_000, 'b')));
      session.advance({ window });
    }
    const [first] = contextOf(session.state()).messages;
    const shown = JSON.stringify(first?.content);
    assert.match(shown, /Two\..*First wish\..*Then One\./s);
    assert.doesNotMatch(shown, /<summary>[^<]*One\./);
  });
});

function errorOf(session: PureSession): string | undefined {
  const error = session.events().findLast((event) => event.type === 'session.error');
  return error?.type === 'session.error' ? error.error.type : undefined;
}

function bigAgent() {
  const { agent } = pureSession().state();
  return { ...agent, system: words(9_000) };
}
