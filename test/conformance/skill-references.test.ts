import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type Anthropic from '@anthropic-ai/sdk';
import { APIError } from '@anthropic-ai/sdk';
import type { ServerProcess } from '../support/server.ts';
import { serverHome } from '../support/server.ts';
import type { AgentParams } from '../support/server-sessions.ts';
import { say, spoken, toolset, uniqueName } from '../support/server-sessions.ts';
import { skillFiles, twoVersions } from '../support/server-skills.ts';

type Reference = NonNullable<AgentParams['skills']>[number];
const custom = (skill_id: string, version?: string | null) =>
  ({ type: 'custom', skill_id, ...(version === undefined ? {} : { version }) }) satisfies Reference;
const withoutRead = [{ ...toolset, configs: [{ name: 'read' as const, enabled: false }] }];

describe('skills of agents and sessions', () => {
  const home = serverHome();
  let server: ServerProcess;
  let client: Anthropic;
  let skill: Awaited<ReturnType<typeof twoVersions>>;
  before(async () => {
    server = await home.start();
    client = server.client;
    skill = await twoVersions(client);
  });
  after(() => home.remove());

  const agentWith = (...skills: Reference[]) =>
    client.beta.agents.create({ name: 'Ant', model: 'scripted/demo', tools: [toolset], skills });
  const room = async () => (await client.beta.environments.create({ name: `room ${uniqueName()}` })).id;
  const sessionOf = async (agent: Parameters<Anthropic['beta']['sessions']['create']>[0]['agent']) =>
    client.beta.sessions.create({ agent, environment_id: await room() });

  test('are pinned to the version that is current when the agent is saved', async () => {
    const [first, latest] = skill.versionIds;
    const pinned = await agentWith(
      custom(skill.id),
      custom(skill.id, null),
      custom(skill.id, 'latest'),
      custom(skill.id, first),
    );
    assert.deepEqual(
      pinned.skills,
      [latest, latest, latest, first].map((version) => custom(skill.id, version)),
    );
    await client.skills.versions.create(skill.id, skill.uploads);
    const { latest_version_id } = await client.skills.retrieve(skill.id);
    assert.notEqual(latest_version_id, latest);
    const session = await sessionOf(pinned.id);
    assert.deepEqual(session.agent.skills, pinned.skills);
    assert.match(spoken(await say(client, session.id, 'hello')), /\w/);
    const same = await client.beta.agents.update(pinned.id, { name: 'Ant' });
    assert.deepEqual([same.version, same.skills], [1, pinned.skills]);
    const moved = await client.beta.agents.update(pinned.id, { skills: [custom(skill.id)] });
    assert.deepEqual([moved.version, moved.skills], [2, [custom(skill.id, latest_version_id)]]);
    const again = await client.beta.agents.update(pinned.id, { skills: [custom(skill.id, 'latest')] });
    assert.equal(again.version, 2);
    for (const nothing of [null, []]) {
      assert.deepEqual((await client.beta.agents.update(pinned.id, { skills: nothing })).skills, []);
    }
  });

  test('may be overridden for a session', async () => {
    const agent = await agentWith(custom(skill.id));
    const { latest_version_id } = await client.skills.retrieve(skill.id);
    const override = { type: 'agent_with_overrides', id: agent.id } as const;
    const other = await twoVersions(client);
    const session = await sessionOf({ ...override, skills: [custom(other.id)] });
    assert.deepEqual(session.agent.skills, [custom(other.id, other.versionIds[1])]);
    assert.deepEqual((await sessionOf({ ...override, skills: [] })).agent.skills, []);
    assert.deepEqual((await sessionOf(override)).agent.skills, [custom(skill.id, latest_version_id)]);
    await assert.rejects(
      sessionOf({ ...override, skills: [custom('skill_0')] }),
      refused(400, 'Agent has invalid configuration: skill_id "skill_0" was not found'),
    );
    await assert.rejects(
      sessionOf({ ...override, tools: withoutRead }),
      refused(400, /skills need the read tool/),
    );
  });

  test('need the read tool', async () => {
    const params = { name: 'Ant', model: 'scripted/demo', skills: [custom(skill.id)] };
    for (const tools of [[], withoutRead]) {
      await assert.rejects(
        client.beta.agents.create({ ...params, tools }),
        refused(400, /skills need the read tool/),
      );
    }
    const agent = await agentWith(custom(skill.id));
    await assert.rejects(
      client.beta.agents.update(agent.id, { tools: withoutRead }),
      refused(400, /skills need the read tool/),
    );
    const session = await sessionOf(agent.id);
    await assert.rejects(
      client.beta.sessions.update(session.id, { agent: { tools: [] } }),
      refused(400, /skills need the read tool/),
    );
  });

  test('must be there when the agent is saved, and be named by what they are', async () => {
    const other = await twoVersions(client);
    const prefix = 'Agent has invalid configuration: skill_id';
    const cases: readonly (readonly [Reference, string | RegExp])[] = [
      [custom('skill_0'), `${prefix} "skill_0" was not found`],
      [custom(skill.name), `${prefix} "${skill.name}" was not found`],
      [
        custom(skill.id, other.versionIds[0]),
        `${prefix} "${skill.id}" version "${other.versionIds[0]}" was not found`,
      ],
      [{ type: 'anthropic', skill_id: 'xlsx' }, /skill_id "xlsx" was not found: .*no pre-built skills/],
      [{ type: 'anthropic', skill_id: skill.id }, /was not found: .*no pre-built skills/],
    ];
    const agent = await agentWith();
    for (const [reference, message] of cases) {
      await assert.rejects(agentWith(custom(skill.id), reference), refused(400, message));
      await assert.rejects(
        client.beta.agents.update(agent.id, { skills: [reference] }),
        refused(400, message),
      );
    }
    assert.equal((await client.beta.agents.retrieve(agent.id)).version, 1);
  });

  test('that are gone keep new sessions from starting, and no others from going on', async () => {
    const gone = await twoVersions(client);
    const [first, second] = gone.versionIds;
    const agents = [
      await agentWith(custom(gone.id, first)),
      await agentWith(custom(gone.id, second)),
    ] as const;
    const session = await sessionOf(agents[0].id);
    await client.skills.versions.delete(first, { skill_id: gone.id });
    const version = `Skill version not found: ${first} of skill ${gone.id}`;
    await assert.rejects(sessionOf(agents[0].id), refused(404, version));
    await sessionOf(agents[1].id);
    await client.skills.delete(gone.id);
    await assert.rejects(sessionOf(agents[1].id), refused(404, `Skill not found: ${gone.id}`));
    const coordinator = await client.beta.agents.create({
      name: 'Queen',
      model: 'scripted/demo',
      multiagent: { type: 'coordinator', agents: [agents[1].id] },
    });
    await assert.rejects(sessionOf(coordinator.id), refused(404, `Skill not found: ${gone.id}`));
    assert.deepEqual((await client.beta.sessions.retrieve(session.id)).agent.skills, [
      custom(gone.id, first),
    ]);
    assert.match(spoken(await say(client, session.id, 'hello')), /\w/);
    const renamed = await client.beta.agents.update(agents[1].id, { name: 'Bee' });
    assert.deepEqual(renamed.skills, agents[1].skills);
  });

  test('of a later version are not what an earlier agent gets', async () => {
    const { id, name } = await twoVersions(client);
    const agent = await agentWith(custom(id));
    const files = await skillFiles(name, { 'new.md': 'new' });
    const newest = await client.skills.versions.create(id, { files });
    const [pinned] = (await sessionOf(agent.id)).agent.skills;
    assert.notEqual(pinned?.version, newest.id);
  });

  test('nothing of this was logged as an error', () => {
    assert.deepEqual(server.errors(), []);
  });
});

const refused = (status: number, message: string | RegExp) => (cause: unknown) => {
  assert.ok(cause instanceof APIError, String(cause));
  assert.equal(cause.status, status);
  const { error } = cause.error as { error: { message: string } };
  if (typeof message === 'string') assert.equal(error.message, message);
  else assert.match(error.message, message);
  return true;
};
