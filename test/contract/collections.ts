import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { formatUs } from '../../src/base/timestamp.ts';
import type { ResourceQuery, SessionQuery } from '../../src/domain/collections.ts';
import { createMemoryStore } from '../../src/domain/memory-stores.ts';
import { archiveSession } from '../../src/domain/session/lifecycle.ts';
import { summarize } from '../../src/domain/session/summarize.ts';
import type { Agent } from '../../src/protocol/agents.ts';
import type { Environment } from '../../src/protocol/environments.ts';
import { Refusal } from '../../src/protocol/refusal.ts';
import type { Session } from '../../src/protocol/sessions.ts';
import { deploymentsContract } from './deployments.ts';
import { egressContract } from './egress.ts';
import { isolationContract } from './isolation.ts';
import { organizationContract } from './organization.ts';
import { sessionResourcesContract } from './session-resources.ts';
import type { MakeStore, Subject } from './subject.ts';
import { assertBounds, assertPages, birthOf, environment, openSubject, refusal } from './subject.ts';
import { vaultsContract } from './vaults.ts';

/** What every implementation of the collections keeps to. */
export function collectionsContract(make: MakeStore): void {
  describe('agents', () => agentsContract(make));
  describe('environments', () => environmentsContract(make));
  describe('lists of memory stores', () => memoryStoresContract(make));
  describe('sessions', () => sessionsContract(make));
  describe('resources of sessions', () => sessionResourcesContract(make));
  vaultsContract(make);
  egressContract(make);
  deploymentsContract(make);
  describe('identity', () => shelvesContract(make));
  organizationContract(make);
  isolationContract(make);
}

const atUs = 1_790_000_000_000_000;
const all: ResourceQuery = { limit: 1000, order: 'asc', after: null, createdAt: {}, includeArchived: true };

function agent(id: string, changes: Partial<Agent> = {}): Agent {
  const { multiagent: _, ...definition } = birthOf({}).agent;
  const at = formatUs(atUs);
  return {
    ...definition,
    id,
    multiagent: null,
    metadata: {},
    created_at: at,
    updated_at: at,
    archived_at: null,
    ...changes,
  };
}

function agentsContract(make: MakeStore): void {
  const next = (current: Agent): Agent => ({
    ...current,
    version: current.version + 1,
    name: `version ${current.version + 1}`,
  });

  test('every version is kept, the latest is the agent', async () => {
    await using it = await openSubject(make);
    const { agents } = it.collections;
    const versions = [agent('agent_1')];
    await Promise.all([agents.insert(agent('agent_1')), agents.insert(agent('agent_2'))]);
    for (let count = 1; count < 5; count++) {
      const changed = await agents.change('agent_1', next);
      assert.ok(changed);
      versions.push(changed);
    }
    assert.deepEqual(
      versions.map(({ version }) => version),
      [1, 2, 3, 4, 5],
    );
    assert.deepEqual(await agents.get('agent_1'), versions.at(-1));
    for (const version of versions) assert.deepEqual(await agents.get('agent_1', version.version), version);
    assert.equal(await agents.get('agent_1', 6), null);
    await assertPages((query) => agents.versions('agent_1', query), versions);
    assert.deepEqual(await agents.get('agent_2'), agent('agent_2'), 'another agent is not touched');
    await assertPages((query) => agents.versions('agent_2', query), [agent('agent_2')]);
  });

  test('a change that returns the same object or throws writes nothing', async () => {
    await using it = await openSubject(make);
    const { agents } = it.collections;
    await agents.insert(agent('agent_1'));
    await agents.change('agent_1', (current) => Object.assign(current, { name: 'not a new object' }));
    const failure = new Error('no');
    const refuse = () => {
      throw failure;
    };
    await assert.rejects(agents.change('agent_1', refuse), (cause) => cause === failure);
    await assertPages((query) => agents.versions('agent_1', query), [agent('agent_1')]);
  });

  test('a change that makes no new version changes the latest', async () => {
    await using it = await openSubject(make);
    const { agents } = it.collections;
    for (const id of ['agent_1', 'agent_2']) await agents.insert(agent(id));
    const [second, other] = [await agents.change('agent_1', next), await agents.change('agent_2', next)];
    const archive = (current: Agent) => ({ ...current, archived_at: formatUs(atUs) });
    const archived = await agents.change('agent_1', archive);
    assert.deepEqual(archived, { ...second, archived_at: formatUs(atUs) });
    assert.deepEqual(await agents.get('agent_1'), archived);
    const archivedFirst = { ...agent('agent_1'), archived_at: formatUs(atUs) };
    assert.deepEqual(await agents.get('agent_1', 1), archivedFirst);
    await assertPages((query) => agents.versions('agent_1', query), [archivedFirst, archived]);
    assert.deepEqual(await agents.get('agent_2', 2), other, 'another agent is not touched');
  });

  test('changes at once are done one after the other', async () => {
    await using it = await openSubject(make);
    const { agents } = it.collections;
    await agents.insert(agent('agent_1'));
    const changed = await Promise.all([1, 2, 3].map(() => agents.change('agent_1', next)));
    assert.deepEqual(
      changed.map((one) => one?.version),
      [2, 3, 4],
    );
  });

  test('an agent that is not there is null, and so is its change', async () => {
    await using it = await openSubject(make);
    const { agents } = it.collections;
    assert.equal(await agents.get('agent_0'), null);
    assert.equal(await agents.change('agent_0', next), null);
    assert.deepEqual(await agents.versions('agent_0', all), []);
  });

  test('lists by the time of creation, then id, with or without the archived', async () => {
    await using it = await openSubject(make);
    await assertListed(it.collections.agents, (id, created_at, archived_at) =>
      agent(id, { created_at, archived_at }),
    );
  });
}

type Listed<T> = {
  insert(item: T): Promise<void>;
  page(query: ResourceQuery): Promise<readonly { item: T; position: readonly [number, number | string] }[]>;
};

/** Inserts resources in no order, some at the same time, some archived, and reads them back every way. */
async function assertListed<T>(
  collection: Listed<T>,
  make: (id: string, createdAt: string, archivedAt: string | null) => T,
): Promise<void> {
  const made = [3, 1, 4, 0, 2, 5].map((rank) => {
    const createdAtUs = atUs + Math.floor(rank / 2);
    const isArchived = rank % 3 === 0;
    const item = make(`id_${rank}`, formatUs(createdAtUs), isArchived ? formatUs(atUs) : null);
    return { rank, item, atUs: createdAtUs, isArchived };
  });
  for (const { item } of made) await collection.insert(item);
  const sorted = made.toSorted((a, b) => a.rank - b.rank);
  for (const includeArchived of [true, false]) {
    const shown = sorted.filter(({ isArchived }) => includeArchived || !isArchived);
    const fetch = (query: Omit<ResourceQuery, 'includeArchived'>) =>
      collection.page({ ...query, includeArchived });
    await assertPages(
      fetch,
      shown.map(({ item }) => item),
    );
    await assertBounds(fetch, shown);
  }
}

function memoryStoresContract(make: MakeStore): void {
  test('lists by the time of creation, then id, with or without the archived', async () => {
    await using it = await openSubject(make);
    await assertListed(it.collections.memoryStores, (id, created_at, archived_at) => ({
      ...createMemoryStore({ name: 'Notes' }, id, atUs),
      created_at,
      archived_at,
    }));
  });
}

function environmentsContract(make: MakeStore): void {
  const named = (id: string, name: string): Environment => environment({ id, name });
  const archive = (current: Environment): Environment => ({ ...current, archived_at: formatUs(atUs) });
  const rename = (name: string) => (current: Environment) => ({ ...current, name });
  const open = async () => {
    const it = await openSubject(make);
    return { ...it, environments: it.collections.environments };
  };

  test('an active name is taken once, however many ask at the same time', async () => {
    await using it = await open();
    const outcomes = await Promise.allSettled(
      ['env_2', 'env_3', 'env_4'].map((id) => it.environments.insert(named(id, 'hill'))),
    );
    assert.deepEqual(
      outcomes.map(({ status }) => status),
      ['fulfilled', 'rejected', 'rejected'],
    );
    await assert.rejects(it.environments.insert(named('env_5', 'hill')), refusal('conflict'));
    for (const outcome of outcomes)
      assert.ok(outcome.status === 'fulfilled' || refusal('conflict')(outcome.reason));
    const ids = (await it.environments.page(all)).map(({ item }) => item.id);
    assert.deepEqual(ids, ['env_1', 'env_2']);
  });

  test('an environment cannot be renamed to a taken name, but to its own', async () => {
    await using it = await open();
    await it.environments.insert(named('env_2', 'hill'));
    await assert.rejects(it.environments.change('env_1', rename('hill')), refusal('conflict'));
    assert.equal((await it.environments.get('env_1'))?.name, 'meadow');
    assert.equal((await it.environments.change('env_1', rename('meadow')))?.name, 'meadow');
    assert.equal((await it.environments.change('env_1', rename('wood')))?.name, 'wood');
    await it.environments.insert(named('env_3', 'meadow'));
  });

  test('the name of an archived or removed environment is free again', async () => {
    await using it = await open();
    await it.environments.change('env_1', archive);
    await it.environments.insert(named('env_2', 'meadow'));
    await it.environments.remove('env_2', () => {});
    await it.environments.insert(named('env_3', 'meadow'));
    await it.environments.change('env_3', archive);
    assert.equal((await it.environments.page(all)).length, 2, 'two archived ones share it');
  });

  test('a change that returns the same object or throws writes nothing', async () => {
    await using it = await open();
    await it.environments.change('env_1', (current) => Object.assign(current, { name: 'not a new object' }));
    const failure = new Error('no');
    const refuse = () => {
      throw failure;
    };
    await assert.rejects(it.environments.change('env_1', refuse), (cause) => cause === failure);
    assert.deepEqual(await it.environments.get('env_1'), environment());
    assert.equal(await it.environments.change('env_0', archive), null);
    assert.equal(await it.environments.get('env_0'), null);
  });

  test('a removal is asked with the number of sessions that are not archived, and may be refused', async () => {
    await using it = await open();
    await it.environments.insert(named('env_2', 'hill'));
    await Promise.all(['sesn_1', 'sesn_2', 'sesn_3'].map((id) => it.create({ id })));
    await it.create({ id: 'sesn_4', environmentId: 'env_2' });
    await it.decide('sesn_3', archiveSession);
    const asked: number[] = [];
    const refuse = (count: number) => {
      asked.push(count);
      throw new Refusal('conflict_invalid', 'no');
    };
    await assert.rejects(it.environments.remove('env_1', refuse), refusal('conflict_invalid'));
    assert.deepEqual(await it.environments.get('env_1'), environment());
    assert.equal(await it.environments.remove('env_1', (count) => void asked.push(count)), true);
    assert.deepEqual(asked, [2, 2]);
    assert.equal(await it.environments.get('env_1'), null);
    assert.equal((await it.log.state('sesn_1'))?.environmentId, 'env_1', 'its sessions stay');
    assert.equal(await it.environments.remove('env_1', refuse), false);
  });

  test('lists by the time of creation, then id, with or without the archived', async () => {
    await using it = await open();
    await it.environments.remove('env_1', () => {});
    await assertListed(it.environments, (id, created_at, archived_at) =>
      environment({ id, name: id, created_at, archived_at }),
    );
  });
}

const noFilter = {
  agentId: null,
  agentVersion: null,
  statuses: null,
  deploymentId: null,
  memoryStoreId: null,
} as const;

/** Sessions of two agents, idle, running and archived, two of them born at the same time. */
async function variedSessions(it: Subject): Promise<readonly Session[]> {
  const { agent: first } = birthOf({});
  const agents = [first, { ...first, version: 2 }, { ...first, id: 'agent_2', version: 2 }];
  for (const [index, owner] of [...agents, ...agents].entries()) {
    const createdAtUs = atUs + Math.floor(index / 2);
    const deployment = index % 2 === 0 ? { deploymentId: `depl_${1 + (index >> 2)}` } : {};
    await it.create({ id: `sesn_${index}`, agent: owner, createdAtUs, ...deployment });
  }
  await it.send('sesn_1', 'run');
  await it.send('sesn_4', 'run');
  await it.decide('sesn_2', archiveSession);
  const states = await Promise.all([0, 1, 2, 3, 4, 5].map((index) => it.log.state(`sesn_${index}`)));
  return states.flatMap((state) => (state ? [summarize(state, atUs)] : []));
}

function sessionsContract(make: MakeStore): void {
  const filters: readonly (readonly [string, Partial<SessionQuery>, (session: Session) => boolean])[] = [
    ['everything', {}, () => true],
    ['those not archived', { includeArchived: false }, ({ archived_at }) => archived_at === null],
    ['those of an agent', { agentId: 'agent_1' }, ({ agent: { id } }) => id === 'agent_1'],
    [
      'those of a version',
      { agentId: 'agent_1', agentVersion: 2 },
      ({ agent: { id, version } }) => id === 'agent_1' && version === 2,
    ],
    ['any version without its agent', { agentVersion: 2 }, () => true],
    ['those of a status', { statuses: ['running'] }, ({ status }) => status === 'running'],
    [
      'those of two statuses',
      { statuses: ['idle', 'terminated'] },
      ({ status }) => status === 'idle' || status === 'terminated',
    ],
    ['those of a status named twice', { statuses: ['idle', 'idle'] }, ({ status }) => status === 'idle'],
    ['those of no status', { statuses: [] }, () => false],
    [
      'those terminated, not archived',
      { statuses: ['idle', 'terminated'], includeArchived: false },
      ({ status, archived_at }) => status === 'idle' || (status === 'terminated' && archived_at === null),
    ],
    [
      'those of an agent and two statuses',
      { agentId: 'agent_1', statuses: ['idle', 'running'] },
      ({ agent: { id }, status }) => id === 'agent_1' && (status === 'idle' || status === 'running'),
    ],
    [
      'those of a version and a status, not archived',
      { agentId: 'agent_1', agentVersion: 1, statuses: ['idle', 'terminated'], includeArchived: false },
      ({ agent: { id, version }, status, archived_at }) =>
        id === 'agent_1' && version === 1 && status !== 'running' && archived_at === null,
    ],
    ['those of a deployment', { deploymentId: 'depl_1' }, ({ deployment_id }) => deployment_id === 'depl_1'],
    [
      'those of a deployment not archived',
      { deploymentId: 'depl_1', includeArchived: false },
      ({ deployment_id, archived_at }) => deployment_id === 'depl_1' && archived_at === null,
    ],
    ['those of an unknown deployment', { deploymentId: 'depl_0' }, () => false],
  ];
  test('lists what the filters ask for, by the time of creation, then id', async () => {
    await using it = await openSubject(make);
    const sessions = await variedSessions(it);
    assert.equal(sessions.length, 6);
    for (const [name, filter, keeps] of filters) {
      const query = { ...noFilter, includeArchived: true, ...filter };
      const expected = sessions.filter(keeps);
      assert.ok(expected.length > 0 || /unknown|no status/.test(name), name);
      await assertPages((page) => it.collections.sessions.page({ ...page, ...query }, atUs), expected);
    }
  });

  test('bounds on the time of creation hold', async () => {
    await using it = await openSubject(make);
    const sessions = await variedSessions(it);
    await assertBounds(
      (page) => it.collections.sessions.page({ ...page, ...noFilter, includeArchived: true }, atUs),
      sessions.map((item, index) => ({ item, atUs: atUs + Math.floor(index / 2) })),
    );
  });

  test('durations run until the time of looking', async () => {
    await using it = await openSubject(make);
    await it.create();
    const laterUs = it.clock.nowUs() + 2_500_000;
    assert.equal((await it.collections.sessions.get('sesn_1', laterUs))?.stats.duration_seconds, 2.5);
    assert.equal(await it.collections.sessions.get('sesn_0', laterUs), null);
  });
}

function shelvesContract(make: MakeStore): void {
  test('an identity is made once, however many ask for it', async () => {
    await using it = await openSubject(make);
    let made = 0;
    const get = (name: string) => it.organization.identity.getOrCreate(name, () => `${name} ${++made}`);
    assert.deepEqual(await Promise.all([get('a'), get('a'), get('b')]), ['a 1', 'a 1', 'b 2']);
    assert.equal(await get('a'), 'a 1');
    assert.equal(made, 2);
  });
}
