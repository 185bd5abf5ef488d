import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import type Anthropic from '@anthropic-ai/sdk';
import { toFile } from '@anthropic-ai/sdk';
import { all } from '../support/sdk-calls.ts';
import { listAll, say, spoken, toolset, uniqueName } from '../support/server-sessions.ts';
import { newSkill } from '../support/server-skills.ts';
import { describeServer } from '../support/server-suite.ts';
import { variable, without } from '../support/server-vaults.ts';

/** Ids by kind: the first of each is deleted, the second is to stay as it is. A session uses all of the first. */
type World = Readonly<Record<Kind, readonly [gone: string, kept: string]>>;
type Kind = 'agent' | 'environment' | 'vault' | 'memory store' | 'file' | 'skill' | 'session';

/** Everything that can be seen of one of a kind. */
const looks: Readonly<Record<Kind, (client: Anthropic, id: string) => Promise<unknown>>> = {
  agent: async ({ beta }, id) => [await beta.agents.retrieve(id), await all(beta.agents.versions.list(id))],
  environment: ({ beta }, id) => beta.environments.retrieve(id),
  vault: async ({ beta }, id) => [
    await beta.vaults.retrieve(id),
    await all(beta.vaults.credentials.list(id, { include_archived: true })),
  ],
  'memory store': async ({ beta }, id) => [
    await beta.memoryStores.retrieve(id),
    await all(beta.memoryStores.memories.list(id, { view: 'full' })),
    await all(beta.memoryStores.memoryVersions.list(id)),
  ],
  file: ({ files }, id) => files.retrieveMetadata(id),
  skill: async ({ skills }, id) => [await skills.retrieve(id), await all(skills.versions.list(id))],
  session: async (client, id) => [
    without(await client.beta.sessions.retrieve(id), 'stats', 'usage'),
    await all(client.beta.sessions.resources.list(id)),
    await all(client.beta.files.list({ scope_id: id, betas: ['managed-agents-2026-04-01'] })),
    await listAll(client, id),
  ],
};

/** Agents are archived only, which ends no other thing either. */
const ends: Readonly<Record<Kind, (client: Anthropic, id: string) => Promise<unknown>>> = {
  agent: ({ beta }, id) => beta.agents.archive(id),
  environment: ({ beta }, id) => beta.environments.delete(id, undefined, { query: { force: true } }),
  vault: ({ beta }, id) => beta.vaults.delete(id),
  'memory store': ({ beta }, id) => beta.memoryStores.delete(id),
  file: ({ files }, id) => files.delete(id),
  skill: ({ skills }, id) => skills.delete(id),
  session: ({ beta }, id) => beta.sessions.delete(id),
};
const kinds = Object.keys(ends) as Kind[];

async function twice<T>(make: () => Promise<T>): Promise<readonly [T, T]> {
  return [await make(), await make()];
}

async function newWorld(client: Anthropic): Promise<World> {
  const { beta } = client;
  const skill = await twice(async () => (await newSkill(client)).id);
  const skills = skill.map((skill_id) => ({ type: 'custom' as const, skill_id }));
  const agent = await twice(async () => {
    const params = { name: 'Ant', model: 'scripted/demo', tools: [toolset], skills };
    return (await beta.agents.create(params)).id;
  });
  const environment = await twice(
    async () => (await beta.environments.create({ name: `room ${uniqueName()}` })).id,
  );
  const vault = await twice(async () => {
    const { id } = await beta.vaults.create({ display_name: 'Keys' });
    await beta.vaults.credentials.create(id, { auth: variable('KEY') });
    return id;
  });
  const store = await twice(async () => {
    const { id } = await beta.memoryStores.create({ name: 'Notes' });
    await beta.memoryStores.memories.create(id, { path: '/a.md', content: 'a' });
    return id;
  });
  const file = await twice(
    async () => (await client.files.upload({ file: await toFile(Buffer.from('a'), 'a.txt') })).id,
  );
  const session = await twice(async () => {
    const { id } = await beta.sessions.create({
      agent: agent[0],
      environment_id: environment[0],
      vault_ids: [...vault],
      resources: [
        ...file.map((file_id) => ({ type: 'file' as const, file_id })),
        ...store.map((memory_store_id) => ({ type: 'memory_store' as const, memory_store_id })),
        { type: 'github_repository', url: 'https://github.com/ants/hill', authorization_token: 'a' },
      ],
    });
    await say(client, id, 'hello');
    return id;
  });
  return { agent, environment, vault, 'memory store': store, file, skill, session };
}

describeServer('whatever is deleted', ({ client }) => {
  for (const deleted of kinds) {
    describe(`a deleted ${deleted}`, () => {
      let world: World;
      const earlier = new Map<Kind, unknown>();
      before(async () => {
        world = await newWorld(client);
        for (const kind of kinds) earlier.set(kind, await lookAt(kind));
        await ends[deleted](client, world[deleted][0]);
      });

      /** Both of a kind; of the kind that is deleted the other one. */
      const lookAt = (kind: Kind) =>
        Promise.all(world[kind].slice(kind === deleted ? 1 : 0).map((id) => looks[kind](client, id)));

      for (const kind of kinds) {
        test(`leaves each other ${kind} as it was`, async () => {
          assert.deepEqual(await lookAt(kind), earlier.get(kind));
        });
      }

      test('leaves a session that answers', async () => {
        // Without its environment no sandbox need be made for it.
        const text = deleted === 'environment' ? 'hello again' : 'run: cat /mnt/session/uploads/*';
        const said = spoken(await say(client, world.session[1], text));
        assert.match(said, deleted === 'environment' ? /./ : /aa/);
      });
    });
  }
});
