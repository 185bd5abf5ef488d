import type Anthropic from '@anthropic-ai/sdk';
import { createEnvironmentKey, createKey } from './server-admin.ts';
import { everyMorning } from './server-deployments.ts';
import { message, openSession } from './server-sessions.ts';
import { newSkillName, twoVersions } from './server-skills.ts';
import { variable } from './server-vaults.ts';

/** Ids of things that exist, by the name that they have in paths, and what bodies need beside them. */
export type Known = Readonly<Record<string, string>>;

/** One of everything, new: requests that archive and delete use things up. */
export async function knownThings(client: Anthropic): Promise<Known> {
  const { beta, files } = client;
  const vault = await beta.vaults.create({ display_name: 'Keys' });
  const credential = await beta.vaults.credentials.create(vault.id, { auth: variable('KEY') });
  const { id: file_id } = await files.upload({ file: new File(['a'], 'a.txt') });
  const store = await beta.memoryStores.create({ name: 'Notes' });
  const memory = await beta.memoryStores.memories.create(store.id, { path: '/a', content: 'a' });
  const { memory_version_id } = memory;
  await beta.memoryStores.memories.update(memory.id, { memory_store_id: store.id, content: 'b' });
  const session = await openSession(
    client,
    {},
    {
      initial_events: [message('hello')],
      vault_ids: [vault.id],
      resources: [
        { type: 'github_repository', url: 'https://github.com/ants/hill' },
        { type: 'file', file_id },
        { type: 'memory_store', memory_store_id: store.id },
      ],
    },
  );
  const [thread] = (await beta.sessions.threads.list(session.id)).data;
  const [resource] = session.resources;
  const deployment = await beta.deployments.create(everyMorning(session));
  const skillName = newSkillName();
  const skill = await twoVersions(client);
  return {
    agent_id: session.agent.id,
    environment_id: session.environment_id,
    session_id: session.id,
    thread_id: thread?.id ?? '',
    resource_id: resource && 'id' in resource ? resource.id : '',
    vault_id: vault.id,
    credential_id: credential.id,
    file_id,
    memory_store_id: store.id,
    memory_id: memory.id,
    memory_version_id,
    deployment_id: deployment.id,
    deployment_run_id: (await beta.deployments.run(deployment.id)).id,
    skill_id: skill.id,
    version: skill.versionIds[0],
    skill_name: skill.name,
    other_skill_name: skillName,
    model_id: 'scripted/demo',
    ...(await organizationThings(client, session.environment_id)),
  };
}

async function organizationThings(client: Anthropic, environmentId: string): Promise<Known> {
  const { webhooks } = client.beta.organization;
  // There may be few of them.
  for await (const { id } of webhooks.list()) await webhooks.delete(id);
  const url = 'https://example.com/hook';
  const webhook = await webhooks.create({ url, enabled_events: ['session.updated'] as never[] });
  return {
    webhook_endpoint_id: webhook.id,
    api_key_id: (await createKey(client, { name: 'CI' })).id,
    workspace_id: (await client.organization.workspaces.create({ name: 'Team' })).id,
    environment_key_id: (await createEnvironmentKey(client, environmentId)).id,
  };
}
