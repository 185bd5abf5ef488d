import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { formatUs } from '../base/timestamp.ts';
import type { DeploymentCreate, DeploymentUpdate } from '../protocol/deployments.ts';
import type { StoredDeployment } from './deployments.ts';
import {
  admitDeployment,
  archiveDeployment,
  checkDeploymentEvents,
  createDeployment,
  pauseDeployment,
  presentDeployment,
  unpauseDeployment,
  updateDeployment,
} from './deployments.ts';
import { scheduledDeploymentsMax } from './limits.ts';
import type { Occurrences } from './schedules.ts';

const startUs = 1_790_000_000_000_000;
const hourUs = 3_600_000_000;
const schedule = { type: 'cron', expression: '0 * * * *', timezone: 'UTC' } as const;
const agent = { id: 'agent_1', type: 'agent', version: 3 } as const;
const user = { type: 'user.message', content: [{ type: 'text', text: 'hello' }] } as const;
const system = { type: 'system.message', content: [{ type: 'text', text: 'be brief' }] } as const;
const outcome = {
  type: 'user.define_outcome',
  description: 'd',
  rubric: { type: 'text', content: 'r' },
} as const;

const hourly: Occurrences = function* (_, afterUs) {
  for (let hour = Math.floor(afterUs / hourUs) + 1; ; hour++) yield hour * hourUs;
};

function made(
  changes: Partial<DeploymentCreate> = {},
  tokens: Record<string, string> = {},
): StoredDeployment {
  const params = { name: 'Round', agent: 'agent_1', environment_id: 'env_1', initial_events: [user] };
  const resources = { configs: [], tokens };
  // The literals above are deeply readonly, the params are not.
  return createDeployment(
    { ...params, ...changes } as DeploymentCreate,
    { id: 'depl_1', agent, resources },
    startUs,
  );
}

const shown = (stored: StoredDeployment, nowUs = startUs) =>
  presentDeployment(stored, { nowUs, occurrences: hourly });
const update = (stored: StoredDeployment, params: DeploymentUpdate, nowUs = startUs + 1) =>
  updateDeployment(stored, params, { nowUs });

describe('a deployment', () => {
  test('that nobody said more about than needed', () => {
    const at = formatUs(startUs);
    assert.deepEqual(shown(made()), {
      id: 'depl_1',
      type: 'deployment',
      name: 'Round',
      description: null,
      agent,
      environment_id: 'env_1',
      initial_events: [user],
      resources: [],
      vault_ids: [],
      budget: null,
      schedule: null,
      metadata: {},
      status: 'active',
      paused_reason: null,
      created_at: at,
      updated_at: at,
      archived_at: null,
    });
  });

  test('is the same object after an update that changes nothing', () => {
    const budget = { type: 'limit', max_list_cost: { amount: '5', currency: 'USD' } } as const;
    const full = made({ description: 'd', schedule, budget, vault_ids: ['vlt_1'], metadata: { a: 'b' } });
    const { record } = full;
    for (const params of [
      {},
      { metadata: null },
      { name: 'Round', description: 'd', schedule, budget, vault_ids: ['vlt_1'], metadata: { a: 'b' } },
      { initial_events: record.initial_events as DeploymentCreate['initial_events'] },
    ])
      assert.equal(update(full, params), full);
    assert.notEqual(updateDeployment(full, {}, { nowUs: startUs, agent: { ...agent, version: 4 } }), full);
  });

  test('loses what null clears', () => {
    const full = made({ description: 'd', schedule, vault_ids: ['vlt_1'], metadata: { a: 'b' } });
    const cleared = update(full, { description: null, schedule: null, vault_ids: null, budget: null });
    const at = formatUs(startUs + 1);
    assert.deepEqual(shown(cleared), { ...shown(made({ metadata: { a: 'b' } })), updated_at: at });
    assert.equal(shown(update(full, { description: '' })).description, null);
    assert.deepEqual(shown(update(full, { metadata: { a: null } })).metadata, {});
  });

  test('counts a token that is sent again as a change', () => {
    const resources = { configs: [], tokens: { 0: 'sealed again' } };
    const stored = made({}, { 0: 'sealed' });
    assert.equal(update(stored, { name: 'New' }).tokens, stored.tokens);
    const after = updateDeployment(stored, {}, { nowUs: startUs + 1, resources });
    assert.deepEqual(after.tokens, resources.tokens);
    assert.equal(after.record.updated_at, formatUs(startUs + 1));
  });
});

describe('the state of a deployment', () => {
  test('is paused once, whatever for, and taken up once', () => {
    const first = made();
    const paused = pauseDeployment(first, startUs + 1);
    assert.deepEqual([shown(paused).status, shown(paused).paused_reason], ['paused', { type: 'manual' }]);
    assert.equal(pauseDeployment(paused, startUs + 2), paused);
    const failed: StoredDeployment = {
      ...paused,
      record: { ...paused.record, paused_reason: { type: 'error', error: { type: 'unknown_error' } } },
    };
    assert.equal(pauseDeployment(failed, startUs + 2), failed);
    const active = unpauseDeployment(failed, startUs + 3);
    assert.deepEqual([shown(active).status, shown(active).paused_reason], ['active', null]);
    assert.equal(unpauseDeployment(active, startUs + 4), active);
  });

  test('is archived for good, and shown as active', () => {
    const stored = pauseDeployment(made({ schedule }, { 0: 'sealed' }), startUs);
    const archived = archiveDeployment(stored, startUs + 1);
    const { status, paused_reason, archived_at, updated_at } = shown(archived);
    const at = formatUs(startUs + 1);
    assert.deepEqual([status, paused_reason, archived_at, updated_at], ['active', null, at, at]);
    assert.deepEqual(archived.tokens, {});
    assert.equal(archiveDeployment(archived, startUs + 2), archived);
    const rules = [pauseDeployment, unpauseDeployment, (current: StoredDeployment) => update(current, {})];
    for (const rule of rules)
      assert.throws(() => rule(archived, startUs + 2), /^Refusal: Cannot modify archived deployment depl_1$/);
  });
});

describe('the schedule of a deployment', () => {
  const firstOf = (stored: StoredDeployment, nowUs: number) => {
    const [first] = shown(stored, nowUs).schedule?.upcoming_runs_at ?? [];
    return first?.slice(0, 13);
  };
  const hour = (count: number) => formatUs(startUs + count * hourUs).slice(0, 13);
  /** A second past the first full hour: its run has not started. */
  const pastUs = (Math.floor(startUs / hourUs) + 1) * hourUs + 1_000_000;

  test('shows five runs to come, also while paused, none once archived', () => {
    const stored = made({ schedule });
    const upcoming = shown(stored).schedule?.upcoming_runs_at ?? [];
    assert.deepEqual(
      upcoming.map((at) => at.slice(0, 13)),
      [1, 2, 3, 4, 5].map(hour),
    );
    assert.deepEqual(shown(pauseDeployment(stored, startUs)).schedule?.upcoming_runs_at, upcoming);
    assert.deepEqual(shown(archiveDeployment(stored, startUs)).schedule?.upcoming_runs_at, []);
  });

  test('shows a run until it has started, and none that was due before it was set, changed or taken up', () => {
    const stored = made({ schedule });
    assert.equal(firstOf(stored, pastUs), hour(1));
    assert.equal(firstOf(update(stored, { name: 'New' }, pastUs), pastUs), hour(1));
    assert.equal(firstOf(update(stored, { schedule }, pastUs), pastUs), hour(1));
    const changed = update(stored, { schedule: { ...schedule, expression: '0 */1 * * *' } }, pastUs);
    assert.equal(firstOf(changed, pastUs), hour(2));
    const paused = pauseDeployment(stored, startUs);
    assert.equal(firstOf(paused, pastUs), hour(2));
    assert.equal(firstOf(unpauseDeployment(paused, pastUs), pastUs), hour(2));
  });

  test('keeps the time of its last run when it is replaced and archived', () => {
    const stored = { ...made({ schedule }), lastRunAtUs: startUs + 5 };
    const last = (of: StoredDeployment) => shown(of).schedule?.last_run_at;
    assert.equal(last(made({ schedule })), null);
    assert.equal(last(stored), formatUs(startUs + 5));
    assert.equal(last(update(stored, { schedule: { ...schedule, timezone: 'GMT' } })), formatUs(startUs + 5));
    assert.equal(last(archiveDeployment(stored, startUs + 9)), formatUs(startUs + 5));
  });
});

describe('a deployment is admitted', () => {
  const scene = { agent: { isArchived: false }, scheduledOthers: scheduledDeploymentsMax - 1 };
  test('with an agent in use, and as one of a thousand with a schedule', () => {
    admitDeployment(made({ schedule }), scene);
    const full = { ...scene, scheduledOthers: scheduledDeploymentsMax };
    admitDeployment(made(), full);
    assert.throws(
      () => admitDeployment(made({ schedule }), full),
      /at most 1000 deployments can have a schedule/,
    );
    const archived = { ...scene, agent: { isArchived: true } };
    assert.throws(() => admitDeployment(made(), archived), /Agent agent_1 is archived/);
    assert.throws(() => admitDeployment(made(), { ...scene, agent: null }), /Agent not found: agent_1/);
  });

  test('archived, however many there are', () => {
    const full = { ...scene, scheduledOthers: scheduledDeploymentsMax };
    admitDeployment(archiveDeployment(made({ schedule }), startUs), full);
  });
});

describe('initial events of a deployment', () => {
  type Events = Parameters<typeof checkDeploymentEvents>[0];
  const check = (...events: unknown[]) => checkDeploymentEvents(events as Events);

  test('may be messages, an outcome, and a system message behind the last', () => {
    check(user);
    check(outcome);
    check(user, outcome, user, system);
  });

  for (const [name, events, message] of [
    ['a system message alone', [system], /initial_events\[0\]: system\.message must directly follow/],
    ['a system message first', [system, user], /initial_events\[0\]: system\.message must be the last/],
    [
      'a system message behind an outcome',
      [outcome, system],
      /initial_events\[1\]: system\.message must directly/,
    ],
    ['two system messages', [user, system, system], /initial_events\[1\]: system\.message must be the last/],
    ['two outcomes', [outcome, outcome], /initial_events: at most one user\.define_outcome/],
  ] as const) {
    test(`may not be ${name}`, () => assert.throws(() => check(...events), message));
  }
});
