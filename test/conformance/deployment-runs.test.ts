import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type Anthropic from '@anthropic-ai/sdk';
import Database from 'better-sqlite3';
import { all } from '../support/sdk-calls.ts';
import type { ServerProcess } from '../support/server.ts';
import { serverHome } from '../support/server.ts';
import type { DeploymentParams, Run } from '../support/server-deployments.ts';
import { everyMorning } from '../support/server-deployments.ts';
import type { AgentParams, Session } from '../support/server-sessions.ts';
import { atRest, listAll, message, openSession, uniqueName } from '../support/server-sessions.ts';

const budget = { type: 'limit', max_list_cost: { amount: '500', currency: 'USD' } } as const;
const system = { type: 'system.message' as const, content: [{ type: 'text' as const, text: 'be brief' }] };
const docs = { type: 'url' as const, name: 'docs', url: 'https://docs.example.com/mcp' };

describe('runs of deployments', () => {
  const home = serverHome();
  const directory = mkdtempSync(join(tmpdir(), 'anthill-runs-'));
  let server: ServerProcess;
  let client: Anthropic;
  let session: Session;
  const start = async (models: string) => {
    const config = join(directory, 'anthill.yaml');
    writeFileSync(config, `models: ${models}\n`);
    server = await home.start({ ANTHILL_CONFIG: config });
    client = server.client;
  };
  before(async () => {
    await start('[unpriced-model]');
    session = await openSession(client);
  });
  after(async () => {
    await home.remove();
    rmSync(directory, { recursive: true });
  });

  const create = (changes: Partial<DeploymentParams> = {}) =>
    client.beta.deployments.create(everyMorning(session, changes));
  const runsOf = (deployment_id: string, query: object = {}) =>
    all(client.beta.deploymentRuns.list({ deployment_id, limit: 2, ...query }));

  test('a run is a session like one that a client creates, with the name of its deployment', async () => {
    const vault = await client.beta.vaults.create({ display_name: 'Keys' });
    const { id: deployment_id, agent } = await create({
      name: 'Round',
      metadata: { of: 'the deployment' },
      description: 'not of the session',
      vault_ids: [vault.id],
      budget,
      initial_events: [message('first'), message('second'), system],
    });
    await client.beta.agents.update(agent.id, { version: 1, name: 'Second' });
    const run = await client.beta.deployments.run(deployment_id);
    const { id, session_id, created_at } = run;
    assert.match(id, /^drun_01\w{22}$/);
    assert.deepEqual(
      { ...run },
      {
        id,
        type: 'deployment_run',
        deployment_id,
        trigger_context: { type: 'manual' },
        session_id,
        error: null,
        agent,
        created_at,
      },
    );
    const { beta } = client;
    const started = await atRest(client, session_id ?? '');
    assert.deepEqual(
      [started.title, started.metadata, started.budget, started.deployment_id, started.vault_ids],
      ['Round', {}, budget, deployment_id, [vault.id]],
    );
    assert.deepEqual([started.agent.id, started.agent.version, started.agent.name], [agent.id, 1, 'Ant']);
    const events = (await listAll(client, started.id)).flatMap((event) =>
      event.type === 'user.message' || event.type === 'system.message' ? [event] : [],
    );
    assert.deepEqual(
      events.map(({ type, content }) => ({ type, content })),
      [message('first'), message('second'), system],
    );
    assert.deepEqual(await beta.deploymentRuns.retrieve(id), run);
    assert.deepEqual(await runsOf(deployment_id), [run]);
    const { last_run_at } = (await beta.deployments.retrieve(deployment_id)).schedule ?? {};
    assert.equal(last_run_at, null, 'a manual run does not count');
  });

  test('sessions are found by their deployment, and those of clients have none', async () => {
    const [one, other] = [await create(), await create()];
    const run = (id: string) => client.beta.deployments.run(id);
    const runs = [await run(one.id), await run(one.id), await run(other.id)];
    const [first, second, third] = runs.map(({ session_id }) => session_id ?? '');
    const found = async (deployment_id: string, query: object = {}) =>
      (await all(client.beta.sessions.list({ deployment_id, limit: 1, ...query }))).map(({ id }) => id);
    assert.deepEqual(await found(one.id), [second, first]);
    assert.deepEqual(await found(one.id, { order: 'asc' }), [first, second]);
    assert.deepEqual(await found(other.id), [third]);
    assert.deepEqual(await found('depl_01no'), []);
    assert.deepEqual(await found(one.id, { agent_id: 'agent_01no' }), []);
    await atRest(client, first ?? '');
    await client.beta.sessions.archive(first ?? '');
    assert.deepEqual(await found(one.id), [second]);
    assert.deepEqual(await found(one.id, { include_archived: true }), [second, first]);
    assert.equal((await client.beta.sessions.retrieve(session.id)).deployment_id, null);
  });

  test('a paused deployment runs on demand, and its sessions outlive it', async () => {
    const { id } = await create();
    await client.beta.deployments.pause(id);
    const run = await client.beta.deployments.run(id);
    assert.notEqual(run.session_id, null);
    assert.equal((await client.beta.deployments.retrieve(id)).status, 'paused');
    await client.beta.deployments.archive(id);
    const { status, deployment_id } = await atRest(client, run.session_id ?? '');
    assert.deepEqual([status, deployment_id], ['idle', id]);
    await client.beta.sessions.delete(run.session_id ?? '');
    assert.deepEqual(await client.beta.deploymentRuns.retrieve(run.id), run);
  });

  /** What the deployment has of its own, and what is done to that before it runs. */
  type Spoil = () => Promise<Partial<DeploymentParams> & { readonly break?: () => Promise<unknown> }>;
  const agentWith = (params: Partial<AgentParams>) =>
    client.beta.agents.create({ name: 'Ant', model: 'scripted/demo', ...params });
  const room = (params: object = {}) =>
    client.beta.environments.create({ name: `room ${uniqueName()}`, ...params });

  const failures: readonly (readonly [type: string, message: RegExp, spoil: Spoil])[] = [
    [
      'environment_archived_error',
      /^Environment env_\w+ is archived\.$/,
      async () => {
        const { id } = await room();
        return { environment_id: id, break: () => client.beta.environments.archive(id) };
      },
    ],
    [
      'environment_not_found_error',
      /^Environment env_\w+ not found\.$/,
      async () => {
        const { id } = await room();
        return { environment_id: id, break: () => client.beta.environments.delete(id) };
      },
    ],
    [
      'vault_archived_error',
      /^Vault vlt_\w+ is archived\.$/,
      async () => {
        const { id } = await client.beta.vaults.create({ display_name: 'Keys' });
        return { vault_ids: [id], break: () => client.beta.vaults.archive(id) };
      },
    ],
    [
      'vault_not_found_error',
      /^Vault not found: vlt_\w+$/,
      async () => {
        const { id } = await client.beta.vaults.create({ display_name: 'Keys' });
        return { vault_ids: [id], break: () => client.beta.vaults.delete(id) };
      },
    ],
    [
      'session_resource_not_found_error',
      /^Memory store not found: memstore_\w+$/,
      async () => {
        const { id } = await client.beta.memoryStores.create({ name: 'Notes' });
        const resources = [{ type: 'memory_store' as const, memory_store_id: id }];
        return { resources, break: () => client.beta.memoryStores.delete(id) };
      },
    ],
    [
      'agent_archived_error',
      /^Agent agent_\w+ is archived/,
      async () => {
        const member = await agentWith({ name: 'Member' });
        const lead = await agentWith({ multiagent: { type: 'coordinator', agents: [member.id] } });
        return { agent: lead.id, break: () => client.beta.agents.archive(member.id) };
      },
    ],
    [
      'mcp_egress_blocked_error',
      /^MCP server "docs": host docs\.example\.com is not allowed/,
      async () => {
        const tools = [{ type: 'mcp_toolset' as const, mcp_server_name: 'docs' }];
        const agent = await agentWith({ tools, mcp_servers: [docs] });
        const networking = { type: 'limited' as const, allowed_hosts: ['example.com'] };
        return {
          agent: agent.id,
          environment_id: (await room({ config: { type: 'cloud', networking } })).id,
        };
      },
    ],
    [
      'session_creation_rejected_error',
      /^model_not_budgetable: model unpriced-model has no list price$/,
      async () => {
        const member = await agentWith({ name: 'Member', model: 'unpriced-model' });
        const lead = await agentWith({ multiagent: { type: 'coordinator', agents: [member.id] } });
        return { agent: lead.id, budget };
      },
    ],
  ];
  for (const [type, message, spoil] of failures) {
    test(`a session that cannot be created leaves a run with ${type}, and nothing else`, async () => {
      const { break: damage, ...changes } = await spoil();
      const made = await create(changes);
      await damage?.();
      const sessions = (await all(client.beta.sessions.list({ include_archived: true }))).length;
      const run = await client.beta.deployments.run(made.id);
      assert.equal(run.session_id, null);
      assert.equal(run.error?.type, type);
      assert.match(run.error?.message ?? '', message);
      assert.deepEqual(await client.beta.deploymentRuns.retrieve(run.id), run);
      assert.equal((await all(client.beta.sessions.list({ include_archived: true }))).length, sessions);
      const { status, updated_at } = await client.beta.deployments.retrieve(made.id);
      assert.deepEqual([status, updated_at], ['active', made.updated_at], 'a manual run pauses nothing');
    });
  }

  test('a budget needs a price of the agent’s own model at once', async () => {
    const { id: agent } = await agentWith({ model: 'unpriced-model' });
    const rejected = { status: 400, message: /model_not_budgetable/ };
    await assert.rejects(create({ agent, budget }), rejected);
    const { id } = await create({ agent });
    await assert.rejects(client.beta.deployments.update(id, { budget }), rejected);
    const other = await create({ budget });
    await assert.rejects(client.beta.deployments.update(other.id, { agent }), rejected);
    await client.beta.deployments.update(other.id, { agent, budget: null });
  });

  test('are listed newest first, by what became of them, what started them and when', async () => {
    const vault = await client.beta.vaults.create({ display_name: 'Keys' });
    const { id } = await create({ vault_ids: [vault.id] });
    const runs: Run[] = [];
    for (let count = 0; count < 5; count++) {
      if (count === 2) await client.beta.vaults.archive(vault.id);
      if (count === 4) await client.beta.deployments.update(id, { vault_ids: null });
      runs.push(await client.beta.deployments.run(id));
    }
    const newest = runs.toReversed();
    const [first, second, third, fourth, fifth] = runs;
    assert.deepEqual(await runsOf(id), newest);
    assert.deepEqual(await runsOf(id, { has_error: true }), [fourth, third]);
    assert.deepEqual(await runsOf(id, { has_error: false }), [fifth, second, first]);
    assert.deepEqual(await runsOf(id, { trigger_type: 'manual' }), newest);
    assert.deepEqual(await runsOf(id, { trigger_type: 'schedule' }), []);
    assert.deepEqual(await runsOf(id, { 'created_at[gt]': third?.created_at }), [fifth, fourth]);
    assert.deepEqual(await runsOf(id, { 'created_at[gte]': third?.created_at }), [fifth, fourth, third]);
    assert.deepEqual(await runsOf(id, { 'created_at[lt]': third?.created_at }), [second, first]);
    assert.deepEqual(await runsOf(id, { 'created_at[lte]': third?.created_at }), [third, second, first]);
    assert.deepEqual(await runsOf('depl_01no'), []);
    const everywhere = await all(client.beta.deploymentRuns.list({ limit: 1000 }));
    assert.deepEqual(everywhere.slice(0, 5), newest);
    assert.ok(everywhere.length > 10);
  });

  test('a run and its session survive a crash together', async () => {
    const { id } = await create();
    const run = await client.beta.deployments.run(id);
    await server.kill();
    await start('[unpriced-model]');
    assert.deepEqual(await runsOf(id), [run]);
    const { deployment_id, title } = await atRest(client, run.session_id ?? '');
    assert.deepEqual([deployment_id, title], [id, 'Morning round']);
    const [found] = await all(client.beta.sessions.list({ deployment_id: id }));
    assert.equal(found?.id, run.session_id);
  });

  test('nothing of this was logged as an error', () => {
    assert.deepEqual(server.errors(), []);
  });

  test('a model that unlearnt system messages makes a run fail', async () => {
    const { id: agent } = await agentWith({ model: 'unpriced-model' });
    const { id } = await create({ agent, initial_events: [message('hello'), system] });
    await server.stop();
    await start('[{id: unpriced-model, system_messages: false}]');
    const { error } = await client.beta.deployments.run(id);
    assert.equal(error?.type, 'session_creation_rejected_error');
    assert.match(
      error?.message ?? '',
      /^initial_events\[1\]: model_does_not_support_mid_conversation_system/,
    );
  });

  test('a token that cannot be opened is our fault: the run says no more, the log does', async () => {
    const authorization_token = 'ghp_secret';
    const repository = { type: 'github_repository' as const, url: 'https://github.com/octocat/hello' };
    const { id } = await create({ resources: [{ ...repository, authorization_token }] });
    await server.stop();
    const database = new Database(join(home.dataDir, 'anthill.db'));
    database.prepare('update deployments set sealed = ? where id = ?').run('{"0":"v1.damaged"}', id);
    database.close();
    await start('[unpriced-model]');
    const run = await client.beta.deployments.run(id);
    assert.deepEqual(run.error, { type: 'unknown_error', message: 'Internal server error' });
    const [line, ...more] = server.errors();
    assert.deepEqual(more, []);
    const { event, runId, deploymentId } = JSON.parse(line ?? '');
    assert.deepEqual([event, runId, deploymentId], ['deployment.run_failed', run.id, id]);
  });
});
