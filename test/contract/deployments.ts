import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { formatUs } from '../../src/base/timestamp.ts';
import type { DeploymentQuery, DeploymentRunQuery, PageQuery } from '../../src/domain/collections.ts';
import type { DeploymentScene, StoredDeployment } from '../../src/domain/deployments.ts';
import {
  admitDeployment,
  archiveDeployment,
  createDeployment,
  pauseDeployment,
} from '../../src/domain/deployments.ts';
import { createSession } from '../../src/domain/session/lifecycle.ts';
import type { Agent } from '../../src/protocol/agents.ts';
import type { DeploymentRun } from '../../src/protocol/deployment-runs.ts';
import type { DeploymentCreate } from '../../src/protocol/deployments.ts';
import type { MakeStore, Subject } from './subject.ts';
import { assertBounds, assertPages, birthOf, openSubject, refusal } from './subject.ts';

const atUs = 1_790_000_000_000_000;
const schedule = { type: 'cron', expression: '0 9 * * *', timezone: 'UTC' } as const;

function agent(id: string): Agent {
  const { multiagent: _, ...definition } = birthOf({}).agent;
  const times = { created_at: formatUs(atUs), updated_at: formatUs(atUs), archived_at: null };
  return { ...definition, id, multiagent: null, metadata: {}, ...times };
}

type Changes = Partial<DeploymentCreate> & { readonly agentId?: string; readonly nowUs?: number };

function deployment(id: string, { agentId = 'agent_1', nowUs = atUs, ...changes }: Changes = {}) {
  const params: DeploymentCreate = {
    name: 'Round',
    agent: agentId,
    environment_id: 'env_1',
    initial_events: [{ type: 'user.message', content: [{ type: 'text', text: 'hello' }] }],
    ...changes,
  };
  const resources = { configs: [], tokens: { 0: 'sealed' } };
  const reference = { id: agentId, type: 'agent', version: 1 } as const;
  return createDeployment(params, { id, agent: reference, resources }, nowUs);
}

/** A store with two agents and what `make` says. */
async function open(make: MakeStore, ...stored: readonly StoredDeployment[]) {
  const it = await openSubject(make);
  const { agents, deployments, deploymentRuns, sessions } = it.collections;
  for (const id of ['agent_1', 'agent_2']) await agents.insert(agent(id));
  for (const one of stored) await deployments.insert(one, admitDeployment);
  return { ...it, agents, deployments, runs: deploymentRuns, sessions };
}

/** What every implementation keeps to for deployments and their runs. */
export function deploymentsContract(make: MakeStore): void {
  describe('deployments', () => {
    writing(make);
    listing(make);
    archiving(make);
  });
  describe('runs of deployments', () => {
    running(make);
    runLists(make);
  });
}

function writing(make: MakeStore): void {
  test('one that is not there is null, and is not changed', async () => {
    await using it = await open(make);
    assert.equal(await it.deployments.get('depl_0'), null);
    assert.equal(await it.deployments.change('depl_0', never, never), null);
  });

  test('is kept with its tokens; a change that returns the same object or throws writes nothing', async () => {
    const first = deployment('depl_1', { schedule });
    await using it = await open(make, first);
    assert.deepEqual(await it.deployments.get('depl_1'), first);
    const meddle = (current: StoredDeployment) => Object.assign(current, { tokens: {} });
    await it.deployments.change('depl_1', meddle, never);
    await assert.rejects(it.deployments.change('depl_1', never), /not to be called/);
    const pause = (current: StoredDeployment) => pauseDeployment(current, atUs + 1);
    await assert.rejects(it.deployments.change('depl_1', pause, never), /not to be called/);
    assert.deepEqual(await it.deployments.get('depl_1'), first);
    const paused = await it.deployments.change('depl_1', pause, admitDeployment);
    assert.deepEqual(paused, pauseDeployment(first, atUs + 1));
    assert.deepEqual(await it.deployments.get('depl_1'), paused);
  });

  test('the check sees the agent, and the scheduled others of all workspaces', async () => {
    await using it = await open(
      make,
      deployment('depl_1', { schedule }),
      deployment('depl_2', { schedule }),
      deployment('depl_3'),
      deployment('depl_4', { schedule }),
    );
    await it.deployments.change('depl_4', (current) => archiveDeployment(current, atUs));
    const elsewhere = it.workspace('wrkspc_2').collections;
    await elsewhere.agents.insert(agent('agent_3'));
    await elsewhere.deployments.insert(
      deployment('depl_5', { schedule, agentId: 'agent_3' }),
      admitDeployment,
    );
    const sceneOf = async (stored: StoredDeployment) => {
      let seen: DeploymentScene | null = null;
      const look = (_: StoredDeployment, scene: DeploymentScene) => {
        seen = scene;
        throw new Error('seen');
      };
      await assert.rejects(it.deployments.insert(stored, look), /seen/);
      await assert.rejects(
        it.deployments.change('depl_1', () => stored, look),
        /seen/,
      );
      return seen;
    };
    const scheduledOthers = 3;
    assert.deepEqual(await sceneOf(deployment('depl_6')), { agent: { isArchived: false }, scheduledOthers });
    assert.deepEqual(await sceneOf(deployment('depl_1')), {
      agent: { isArchived: false },
      scheduledOthers: scheduledOthers - 1,
    });
    // The agent of another workspace is none of ours.
    for (const agentId of ['agent_0', 'agent_3'])
      assert.deepEqual(await sceneOf(deployment('depl_6', { agentId })), { agent: null, scheduledOthers });
    assert.equal(await it.deployments.get('depl_6'), null);
    assert.equal(await it.deployments.get('depl_5'), null);
  });
}

function listing(make: MakeStore): void {
  const filters: readonly (readonly [string, Partial<DeploymentQuery>, readonly number[]])[] = [
    ['those not archived', {}, [0, 1, 3, 4]],
    ['all', { includeArchived: true }, [0, 1, 2, 3, 4, 5]],
    ['those of an agent', { agentId: 'agent_2' }, [3, 4]],
    ['all of an agent', { agentId: 'agent_2', includeArchived: true }, [3, 4, 5]],
    ['paused ones', { status: 'paused' }, [1, 4]],
    ['active ones', { status: 'active' }, [0, 3]],
    ['active ones of an agent', { status: 'active', agentId: 'agent_1' }, [0]],
    ['those of an unknown agent', { agentId: 'agent_0' }, []],
  ];
  test('are listed by the time of creation, then id, as the filters ask for', async () => {
    const items = [0, 1, 2, 3, 4, 5].map((rank) => {
      const agentId = rank < 3 ? 'agent_1' : 'agent_2';
      const stored = deployment(`depl_${rank}`, { agentId, nowUs: atUs + (rank >> 1) });
      if (rank % 3 === 1) return pauseDeployment(stored, atUs);
      return rank % 3 === 2 ? archiveDeployment(stored, atUs) : stored;
    });
    await using it = await open(make, ...items.toReversed());
    const none = { agentId: null, status: null, includeArchived: false };
    for (const [name, filter, ranks] of filters) {
      const shown = ranks.flatMap((rank) => items[rank] ?? []);
      const fetch = (page: PageQuery) => it.deployments.page({ ...page, ...none, ...filter });
      await assertPages(fetch, shown).catch((cause) => assert.fail(`${name}: ${cause}`));
    }
    await assertBounds(
      (page) => it.deployments.page({ ...page, ...none, includeArchived: true }),
      items.map((item, rank) => ({ item, atUs: atUs + (rank >> 1) })),
    );
  });
}

function archiving(make: MakeStore): void {
  test('archiving an agent takes its deployments along, and no others', async () => {
    const earlier = archiveDeployment(deployment('depl_3'), atUs - 5);
    const other = deployment('depl_4', { agentId: 'agent_2', schedule });
    const stored = [deployment('depl_1', { schedule }), pauseDeployment(deployment('depl_2'), atUs)];
    await using it = await open(make, ...stored, earlier, other);
    const nowUs = atUs + 7;
    const archived = await it.agents.archive('agent_1', {
      agent: (current) => ({ ...current, archived_at: formatUs(nowUs) }),
      deployment: (current) => archiveDeployment(current, nowUs),
    });
    assert.equal(archived?.archived_at, formatUs(nowUs));
    assert.deepEqual(await it.agents.get('agent_1'), archived);
    for (const before of stored) {
      const after = await it.deployments.get(before.record.id);
      assert.deepEqual(after, archiveDeployment(before, nowUs));
      assert.deepEqual(after?.tokens, {});
    }
    assert.deepEqual(await it.deployments.get('depl_3'), earlier);
    assert.deepEqual(await it.deployments.get('depl_4'), other);
    assert.equal(await it.agents.archive('agent_0', { agent: never, deployment: never }), null);
    const late = it.deployments.insert(deployment('depl_5'), admitDeployment);
    await assert.rejects(late, refusal('invalid_request'));
  });

  test('archiving an agent is all or nothing', async () => {
    const stored = deployment('depl_1');
    await using it = await open(make, stored);
    const rules = {
      agent: (current: Agent) => ({ ...current, archived_at: formatUs(atUs) }),
      deployment: never,
    };
    await assert.rejects(it.agents.archive('agent_1', rules), /not to be called/);
    assert.deepEqual(await it.agents.get('agent_1'), agent('agent_1'));
    assert.deepEqual(await it.deployments.get('depl_1'), stored);
  });
}

function run(id: string, changes: Partial<DeploymentRun> = {}): DeploymentRun {
  return {
    id,
    type: 'deployment_run',
    deployment_id: 'depl_1',
    trigger_context: { type: 'manual' },
    session_id: null,
    error: { type: 'vault_not_found_error', message: 'Vault not found: vlt_1' },
    agent: { id: 'agent_1', type: 'agent', version: 1 },
    created_at: formatUs(atUs),
    ...changes,
  };
}

const scheduled = (scheduledAtUs: number): Partial<DeploymentRun> => ({
  trigger_context: { type: 'schedule', scheduled_at: formatUs(scheduledAtUs) },
});
const started = (sessionId: string): Partial<DeploymentRun> => ({ session_id: sessionId, error: null });

/** A session that a run starts, in one commit with the run. */
async function start(it: Subject, one: DeploymentRun): Promise<void> {
  const birth = { id: one.session_id ?? '', deploymentId: one.deployment_id, createdAtUs: atUs };
  const moment = { nowUs: atUs, newId: (prefix: string) => `${prefix}_of_${one.id}` };
  await it.log.create(createSession(birthOf(birth), [], moment), { run: one });
}

function running(make: MakeStore): void {
  test('a run is written along with its session, which knows its deployment', async () => {
    await using it = await open(make, deployment('depl_1'));
    const one = run('drun_1', started('sesn_1'));
    await start(it, one);
    assert.deepEqual(await it.runs.get('drun_1'), one);
    assert.equal((await it.sessions.get('sesn_1', atUs))?.deployment_id, 'depl_1');
    assert.equal((await it.log.state('sesn_1'))?.deploymentId, 'depl_1');
    await it.log.remove('sesn_1', () => ({ entries: [], result: null }));
    assert.deepEqual(await it.runs.get('drun_1'), one, 'it keeps the name of a session that is gone');
  });

  test('neither is written when the other cannot be', async () => {
    const gone = archiveDeployment(deployment('depl_2'), atUs);
    await using it = await open(make, deployment('depl_1'), gone);
    const archived = run('drun_1', { ...started('sesn_1'), deployment_id: 'depl_2' });
    await assert.rejects(start(it, archived), refusal('invalid_request'));
    const absent = run('drun_1', { ...started('sesn_1'), deployment_id: 'depl_0' });
    await assert.rejects(start(it, absent), refusal('not_found'));
    assert.equal(await it.sessions.get('sesn_1', atUs), null);
    await it.collections.environments.remove('env_1', () => {});
    const homeless = start(it, run('drun_1', started('sesn_1')));
    await assert.rejects(homeless, refusal('not_found', 'environment_not_found'));
    assert.equal(await it.runs.get('drun_1'), null);
  });

  test('a deployment runs once for a scheduled time', async () => {
    await using it = await open(make, deployment('depl_1'), deployment('depl_2'));
    await start(it, run('drun_1', { ...started('sesn_1'), ...scheduled(7) }));
    const again = start(it, run('drun_2', { ...started('sesn_2'), ...scheduled(7) }));
    await assert.rejects(again, refusal('conflict'));
    await assert.rejects(it.runs.insert(run('drun_3', scheduled(7))), refusal('conflict'));
    assert.equal(await it.sessions.get('sesn_2', atUs), null);
    await it.runs.insert(run('drun_4', { deployment_id: 'depl_2', ...scheduled(7) }));
    await it.runs.insert(run('drun_5', scheduled(8)));
    for (const id of ['drun_6', 'drun_7']) await it.runs.insert(run(id));
  });

  test('the last run of a schedule is the last that started a session by it', async () => {
    await using it = await open(make, deployment('depl_1', { schedule }));
    const lastRunAtUs = async () => (await it.deployments.get('depl_1'))?.lastRunAtUs;
    assert.equal(await lastRunAtUs(), null);
    await start(it, run('drun_1', started('sesn_1')));
    await it.runs.insert(run('drun_2', scheduled(7)));
    assert.equal(await lastRunAtUs(), null);
    const created_at = formatUs(atUs + 9);
    await start(it, run('drun_3', { ...started('sesn_2'), ...scheduled(8), created_at }));
    assert.equal(await lastRunAtUs(), atUs + 9);
    // A change that was decided on before does not turn it back.
    await it.deployments.change('depl_1', (current) => ({
      ...pauseDeployment(current, atUs),
      lastRunAtUs: 1,
    }));
    assert.equal(await lastRunAtUs(), atUs + 9);
  });
}

function runLists(make: MakeStore): void {
  const filters: readonly (readonly [string, Partial<DeploymentRunQuery>, readonly number[]])[] = [
    ['all', {}, [0, 1, 2, 3, 4, 5]],
    ['those of a deployment', { deploymentId: 'depl_2' }, [3, 4, 5]],
    ['those of an unknown one', { deploymentId: 'depl_0' }, []],
    ['failed ones', { hasError: true }, [0, 2, 4]],
    ['started ones', { hasError: false }, [1, 3, 5]],
    ['scheduled ones', { trigger: 'schedule' }, [0, 3]],
    ['manual ones', { trigger: 'manual' }, [1, 2, 4, 5]],
    [
      'failed manual ones of a deployment',
      { deploymentId: 'depl_1', hasError: true, trigger: 'manual' },
      [2],
    ],
  ];
  const none = { deploymentId: null, trigger: null, hasError: null };

  test('are listed by the time of creation, then id, as the filters ask for', async () => {
    await using it = await open(make, deployment('depl_1'), deployment('depl_2'));
    const items = [0, 1, 2, 3, 4, 5].map((rank) =>
      run(`drun_${rank}`, {
        deployment_id: rank < 3 ? 'depl_1' : 'depl_2',
        created_at: formatUs(atUs + (rank >> 1)),
        ...(rank % 2 === 1 ? started(`sesn_${rank}`) : {}),
        ...(rank % 3 === 0 ? scheduled(rank) : {}),
      }),
    );
    for (const item of items.toReversed()) {
      if (item.session_id === null) await it.runs.insert(item);
      else await start(it, item);
    }
    for (const [name, filter, ranks] of filters) {
      const shown = ranks.flatMap((rank) => items[rank] ?? []);
      const fetch = (page: PageQuery) => it.runs.page({ ...page, ...none, ...filter });
      await assertPages(fetch, shown).catch((cause) => assert.fail(`${name}: ${cause}`));
    }
    await assertBounds(
      (page) => it.runs.page({ ...page, ...none }),
      items.map((item, rank) => ({ item, atUs: atUs + (rank >> 1) })),
    );
    const elsewhere = it.workspace('wrkspc_2').collections.deploymentRuns;
    assert.equal(await elsewhere.get('drun_1'), null);
    assert.deepEqual(
      await elsewhere.page({ ...none, limit: 9, order: 'asc', after: null, createdAt: {} }),
      [],
    );
    await assert.rejects(elsewhere.insert(run('drun_9')), refusal('not_found'));
  });
}

function never(): never {
  throw new Error('not to be called');
}
