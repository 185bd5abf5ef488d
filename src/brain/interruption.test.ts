import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { message, pureSession } from '../../test/support/pure-session.ts';
import type { EventParams } from '../protocol/event-params.ts';
import { createInterruption } from './interruption.ts';

const interrupt: EventParams = { type: 'user.interrupt' };

function running() {
  const session = pureSession();
  session.send(message('go'));
  return session;
}

describe('an interrupt', () => {
  test('that comes between a decision and its work aborts that work', () => {
    const session = running();
    const interruption = createInterruption();
    const decided = session.state();
    session.send(interrupt);
    interruption.heard(session.state());
    interruption.decided(decided);
    assert.ok(interruption.signal().aborted);
  });

  test('that the turn has decided on aborts what is under way, whether it is heard or not', () => {
    const session = running();
    const interruption = createInterruption();
    interruption.decided(session.state());
    const { aborted } = interruption.signal();
    session.send(interrupt);
    interruption.decided(session.state());
    assert.deepEqual([aborted, interruption.signal().aborted], [false, true]);
  });

  test('that is heard late aborts nothing of what comes after it', () => {
    const session = running();
    const interruption = createInterruption();
    session.send(interrupt);
    const late = session.state();
    interruption.decided(late);
    session.advance();
    session.send(message('and now?'));
    interruption.decided(session.state());
    interruption.heard(late);
    assert.ok(!interruption.signal().aborted);
  });

  test('begins nothing once the turn is over', () => {
    const interruption = createInterruption();
    interruption.end('the turn is over');
    interruption.decided(running().state());
    assert.ok(interruption.signal().aborted);
  });
});
