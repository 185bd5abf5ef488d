import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { absent, all, bad } from '../support/sdk-calls.ts';
import type { Deployment, DeploymentParams } from '../support/server-deployments.ts';
import { everyMorning, nineOClock } from '../support/server-deployments.ts';
import type { Session } from '../support/server-sessions.ts';
import { message, openSession, uniqueName } from '../support/server-sessions.ts';
import { describeServer } from '../support/server-suite.ts';

const budget = { type: 'limit', max_list_cost: { amount: '500', currency: 'USD' } } as const;
const system = { type: 'system.message' as const, content: [{ type: 'text' as const, text: 'be brief' }] };
const outcome = {
  type: 'user.define_outcome' as const,
  description: 'a report',
  rubric: { type: 'text' as const, content: 'it is short' },
};

describeServer('deployments over HTTP', ({ client }) => {
  let session: Session;
  before(async () => {
    session = await openSession(client);
  });

  const create = (changes: Partial<DeploymentParams> = {}) =>
    client.beta.deployments.create(everyMorning(session, changes));

  test('one with everything is made, shown and listed as it was sent, but for the token', async () => {
    const vault = await client.beta.vaults.create({ display_name: 'Keys' });
    const store = await client.beta.memoryStores.create({ name: 'Notes' });
    const repository = {
      type: 'github_repository' as const,
      url: 'https://github.com/octocat/hello',
      checkout: { type: 'branch' as const, name: 'main' },
      mount_path: '/workspace/greeting',
    };
    const memory = {
      type: 'memory_store' as const,
      memory_store_id: store.id,
      access: 'read_only' as const,
      instructions: 'Look here first.',
    };
    const initial_events = [message('hello'), outcome, message('again'), system];
    const sent = {
      name: 'Émile 🐜',
      description: 'Every morning',
      agent: { type: 'agent' as const, id: session.agent.id, version: 1 },
      environment_id: session.environment_id,
      initial_events,
      vault_ids: [vault.id],
      budget,
      metadata: { team: 'blue' },
    };
    const resources = [{ ...repository, authorization_token: 'ghp_secret' }, memory];
    const made = await client.beta.deployments.create({ ...sent, resources, schedule: nineOClock });
    const { id, created_at, schedule } = made;
    assert.match(id, /^depl_01\w{22}$/);
    assert.deepEqual(
      { ...made },
      {
        ...sent,
        id,
        type: 'deployment',
        resources: [repository, memory],
        schedule,
        status: 'active',
        paused_reason: null,
        created_at,
        updated_at: created_at,
        archived_at: null,
      },
    );
    assert.deepEqual(
      { ...schedule, upcoming_runs_at: [] },
      { ...nineOClock, last_run_at: null, upcoming_runs_at: [] },
    );
    assert.deepEqual(await client.beta.deployments.retrieve(id), made);
    assert.deepEqual((await client.beta.deployments.list({ limit: 1 })).data, [made]);
  });

  test('one with next to nothing has every key', async () => {
    const { schedule: _, ...needed } = everyMorning(session);
    const made = await client.beta.deployments.create(needed);
    const { description, resources, vault_ids, budget: none, schedule, metadata } = made;
    assert.deepEqual(
      { description, resources, vault_ids, budget: none, schedule, metadata },
      { description: null, resources: [], vault_ids: [], budget: null, schedule: null, metadata: {} },
    );
  });

  describe('the agent', () => {
    test('is pinned to the version of the day, or the one that is named', async () => {
      const { agent } = await openSession(client);
      await client.beta.agents.update(agent.id, { version: 1, name: 'Second' });
      const versionOf = async (made: Promise<Deployment>) => (await made).agent;
      const second = { type: 'agent', id: agent.id, version: 2 };
      assert.deepEqual(await versionOf(create({ agent: agent.id })), second);
      assert.deepEqual(await versionOf(create({ agent: { type: 'agent', id: agent.id } })), second);
      const first = { type: 'agent', id: agent.id, version: 1 } as const;
      const made = await create({ agent: first });
      assert.deepEqual(made.agent, first);
      const { deployments } = client.beta;
      await client.beta.agents.update(agent.id, { version: 2, name: 'Third' });
      assert.deepEqual((await deployments.retrieve(made.id)).agent, first);
      assert.deepEqual((await deployments.update(made.id, { name: 'New' })).agent, first);
      assert.equal((await deployments.update(made.id, { agent: agent.id })).agent.version, 3);
      assert.equal((await deployments.update(made.id, { agent: second as typeof first })).agent.version, 2);
    });

    test('takes its deployments along when it is archived', async () => {
      const { agent } = await openSession(client);
      const made = await create({ agent: agent.id });
      const other = await create();
      const { archived_at } = await client.beta.agents.archive(agent.id);
      const archived = await client.beta.deployments.retrieve(made.id);
      assert.deepEqual([archived.archived_at, archived.updated_at], [archived_at, archived_at]);
      assert.deepEqual(archived.schedule?.upcoming_runs_at, []);
      await client.beta.agents.archive(agent.id);
      assert.deepEqual(await client.beta.deployments.retrieve(made.id), archived);
      assert.equal((await client.beta.deployments.retrieve(other.id)).archived_at, null);
      await assert.rejects(create({ agent: agent.id }), bad(/^Agent agent_\w+ is archived/));
      const change = client.beta.deployments.update(other.id, { agent: agent.id });
      await assert.rejects(change, bad(/^Agent agent_\w+ is archived/));
    });
  });

  describe('what it names', () => {
    test('has to be there and in use when it is named, not later', async () => {
      const { environments, vaults, memoryStores, deployments } = client.beta;
      const environment = await environments.create({ name: `room ${uniqueName()}` });
      const vault = await vaults.create({ display_name: 'Keys' });
      const store = await memoryStores.create({ name: 'Notes' });
      const resources = [{ type: 'memory_store' as const, memory_store_id: store.id }];
      const names = { environment_id: environment.id, vault_ids: [vault.id], resources };
      const made = await create(names);
      await environments.archive(environment.id);
      await vaults.archive(vault.id);
      await memoryStores.archive(store.id);
      const renamed = await deployments.update(made.id, { name: 'New', description: 'd' });
      assert.deepEqual([renamed.environment_id, renamed.vault_ids], [environment.id, [vault.id]]);
      for (const again of [(params: object) => deployments.update(made.id, params), create]) {
        const { environment_id, vault_ids } = names;
        const archived = bad(`Environment ${environment_id} is archived.`, 'environment_archived');
        await assert.rejects(again({ environment_id }), archived);
        await assert.rejects(again({ vault_ids }), bad(`Vault ${vault.id} is archived.`));
        await assert.rejects(again({ resources }), bad(/archived/));
        const nothing = absent('Memory store not found: memstore_01no');
        await assert.rejects(
          again({ resources: [{ ...resources[0], memory_store_id: 'memstore_01no' }] }),
          nothing,
        );
      }
    });

    test('has to fit together: no files and repositories in a self-hosted environment', async () => {
      const config = { type: 'self_hosted' as const };
      const { id: environment_id } = await client.beta.environments.create({
        name: `own ${uniqueName()}`,
        config,
      });
      const resources = [{ type: 'github_repository' as const, url: 'https://github.com/octocat/hello' }];
      const refused = bad(/^resources\[0\]: github_repository resources are not supported in a self_hosted/);
      await assert.rejects(create({ environment_id, resources }), refused);
      const { id } = await create({ environment_id });
      await assert.rejects(client.beta.deployments.update(id, { resources }), refused);
      const other = await create({ resources });
      await assert.rejects(client.beta.deployments.update(other.id, { environment_id }), refused);
      await client.beta.deployments.update(other.id, { environment_id, resources: [] });
      const store = await client.beta.memoryStores.create({ name: 'Notes' });
      await create({ environment_id, resources: [{ type: 'memory_store', memory_store_id: store.id }] });
    });

    test('has to fit together: no system messages to a model that knows none', async () => {
      const old = await client.beta.agents.create({ name: 'Old', model: 'claude-sonnet-4-5' });
      const initial_events = [message('hello'), system];
      const code = 'model_does_not_support_mid_conversation_system';
      const refused = bad(new RegExp(`^initial_events\\[1\\]: ${code}`), code);
      await assert.rejects(create({ agent: old.id, initial_events }), refused);
      const { id } = await create({ initial_events });
      await assert.rejects(client.beta.deployments.update(id, { agent: old.id }), refused);
      await client.beta.deployments.update(id, { agent: old.id, initial_events: [message('hello')] });
      await assert.rejects(client.beta.deployments.update(id, { initial_events }), refused);
    });
  });

  describe('an update', () => {
    test('changes what it names and nothing else', async () => {
      const made = await create({ description: 'd', metadata: { a: '1', b: '2' }, budget });
      const { deployments } = client.beta;
      const changed = await deployments.update(made.id, {
        name: 'New',
        metadata: { a: null, c: '3' },
        initial_events: [message('good morning')],
        schedule: { ...nineOClock, timezone: 'UTC' },
      });
      assert.deepEqual(changed, {
        ...made,
        name: 'New',
        metadata: { b: '2', c: '3' },
        initial_events: [message('good morning')],
        schedule: changed.schedule,
        updated_at: changed.updated_at,
      });
      assert.equal(changed.schedule?.timezone, 'UTC');
      assert.ok(changed.updated_at > made.updated_at);
      const same = {
        name: 'New',
        metadata: { c: '3' },
        budget,
        schedule: { ...nineOClock, timezone: 'UTC' },
      };
      for (const nothing of [{}, same, { metadata: null }])
        assert.deepEqual(await deployments.update(made.id, nothing), changed);
      assert.deepEqual(await deployments.retrieve(made.id), changed);
    });

    test('clears with null what can be cleared; a budget can be set again', async () => {
      const vault = await client.beta.vaults.create({ display_name: 'Keys' });
      const store = await client.beta.memoryStores.create({ name: 'Notes' });
      const resources = [{ type: 'memory_store' as const, memory_store_id: store.id }];
      const made = await create({ description: 'd', vault_ids: [vault.id], resources, budget });
      const nothing = { description: null, vault_ids: null, resources: null, budget: null, schedule: null };
      const cleared = await client.beta.deployments.update(made.id, nothing);
      const { description, vault_ids, resources: none, budget: unbounded, schedule } = cleared;
      assert.deepEqual([description, vault_ids, none, unbounded, schedule], [null, [], [], null, null]);
      const again = await client.beta.deployments.update(made.id, { budget, vault_ids: [], description: '' });
      assert.deepEqual([again.budget, again.vault_ids, again.description], [budget, [], null]);
    });

    const kept = ['name', 'agent', 'environment_id', 'initial_events'] as const;
    for (const field of kept) {
      test(`does not clear ${field}`, async () => {
        const { id } = await create();
        const params = { [field]: null } as object;
        const message = new RegExp(`^Failed to parse request: ${field}: expected .*, received null$`);
        await assert.rejects(client.beta.deployments.update(id, params), bad(message));
      });
    }
  });

  describe('pausing and archiving', () => {
    test('a paused one says why, and what would come', async () => {
      const made = await create();
      const { deployments } = client.beta;
      const paused = await deployments.pause(made.id);
      const { schedule, updated_at } = paused;
      assert.deepEqual(paused, {
        ...made,
        status: 'paused',
        paused_reason: { type: 'manual' },
        updated_at,
        schedule,
      });
      assert.equal(schedule?.upcoming_runs_at?.length, 5);
      assert.deepEqual(await deployments.pause(made.id), paused);
      const renamed = await deployments.update(made.id, { name: 'New' });
      assert.deepEqual([renamed.status, renamed.name], ['paused', 'New']);
      const active = await deployments.unpause(made.id);
      assert.deepEqual([active.status, active.paused_reason], ['active', null]);
      assert.deepEqual(await deployments.unpause(made.id), active);
    });

    test('an archived one is shown as active, is hidden from lists and refuses everything', async () => {
      const { id } = await create();
      const { deployments } = client.beta;
      await deployments.pause(id);
      const archived = await deployments.archive(id);
      const { status, paused_reason, schedule } = archived;
      assert.deepEqual([status, paused_reason, schedule?.upcoming_runs_at], ['active', null, []]);
      assert.notEqual(archived.archived_at, null);
      assert.deepEqual(await deployments.archive(id), archived);
      assert.deepEqual(await deployments.retrieve(id), archived);
      const refused = bad(`Cannot modify archived deployment ${id}`);
      await assert.rejects(deployments.update(id, { name: 'x' }), refused);
      await assert.rejects(deployments.pause(id), refused);
      await assert.rejects(deployments.unpause(id), refused);
      await assert.rejects(deployments.run(id), bad(`Cannot run archived deployment ${id}`));
      const ids = async (query: object) => (await all(deployments.list(query))).map((each) => each.id);
      assert.ok((await ids({ include_archived: true })).includes(id));
      for (const query of [{}, { status: 'active' }, { status: 'paused' }])
        assert.ok(!(await ids(query)).includes(id));
      assert.deepEqual((await all(client.beta.deploymentRuns.list({ deployment_id: id }))).length, 0);
    });
  });

  test('lists newest first, by agent, status and time, page by page', async () => {
    const { agent } = await openSession(client);
    const made: Deployment[] = [];
    for (let count = 0; count < 5; count++) made.push(await create({ agent: agent.id }));
    const [first, second, third, fourth, fifth] = made.map(({ id }) => id);
    await client.beta.deployments.pause(second ?? '');
    await client.beta.deployments.archive(third ?? '');
    const ids = async (query: object) =>
      (await all(client.beta.deployments.list({ agent_id: agent.id, limit: 2, ...query }))).map(
        ({ id }) => id,
      );
    assert.deepEqual(await ids({}), [fifth, fourth, second, first]);
    assert.deepEqual(await ids({ include_archived: true }), [fifth, fourth, third, second, first]);
    assert.deepEqual(await ids({ status: 'paused' }), [second]);
    assert.deepEqual(await ids({ status: 'active', include_archived: false }), [fifth, fourth, first]);
    assert.deepEqual(await ids({ 'created_at[gte]': made[3]?.created_at }), [fifth, fourth]);
    assert.deepEqual(await ids({ 'created_at[lte]': made[1]?.created_at }), [second, first]);
    assert.deepEqual(await ids({ agent_id: 'agent_01no' }), []);
  });

  test('upcoming runs are weekdays at nine in Berlin, a few minutes late at most', async () => {
    const { schedule } = await create();
    const times = schedule?.upcoming_runs_at ?? [];
    assert.equal(times.length, 5);
    const clock = new Intl.DateTimeFormat('en-GB', {
      timeZone: 'Europe/Berlin',
      weekday: 'short',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
    });
    for (const [index, at] of times.entries()) {
      assert.match(at, /^\d{4}-\d\d-\d\dT0[78]:0\d:\d\d\.000000Z$/);
      assert.match(clock.format(Date.parse(at)), /^(Mon|Tue|Wed|Thu|Fri) 09:0[0-8]:\d\d$/);
      assert.ok(index === 0 || at > (times[index - 1] ?? ''));
    }
  });
});
