import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { pureSession } from '../../../test/support/pure-session.ts';
import type { SessionResource } from '../../protocol/session-resources.ts';
import { contextOf } from './context.ts';

const at = '2026-09-21T00:00:00.000000Z';
const file: SessionResource = {
  id: 'sesrsc_1',
  type: 'file',
  file_id: 'file_1',
  mount_path: '/mnt/session/uploads/data.csv',
  created_at: at,
  updated_at: at,
};
const store: SessionResource = { type: 'memory_store', memory_store_id: 'memstore_1' };

/** The system prompt of an agent with this one of its own. */
function promptOf(system: string | null, resources: readonly SessionResource[]): string {
  const state = pureSession([], { resources }).state();
  return contextOf({ ...state, agent: { ...state.agent, system } }).system;
}

describe('the system prompt', () => {
  test("is the agent's own, or empty", () => {
    assert.equal(promptOf('Be brief.', []), 'Be brief.');
    assert.equal(promptOf('Be brief.', [store]), 'Be brief.');
    assert.equal(promptOf(null, []), '');
  });

  test('says behind it where mounted files are, the same however many there are', () => {
    const hint = promptOf(null, [file]);
    assert.match(hint, /\/mnt\/session\/uploads/);
    assert.equal(promptOf('Be brief.', [store, file, { ...file, id: 'sesrsc_2' }]), `Be brief.\n\n${hint}`);
  });
});
