import type { RouteKey } from '../../src/protocol/routes.ts';
import type { Known } from './known-things.ts';
import { uniqueName } from './server-sessions.ts';
import type { Part } from './server-skills.ts';
import { skillMd } from './server-skills.ts';

const tool = {
  type: 'custom',
  name: 'weather',
  description: 'd',
  input_schema: { type: 'object', properties: { city: { type: 'string' } } },
};
const toolset = { type: 'agent_toolset_20260401', configs: [{ name: 'bash', enabled: true }] };
const url = 'https://github.com/ants/hill';
const budget = { type: 'limit', max_list_cost: { amount: '500', currency: 'USD' } };
const metadata = { team: 'blue' };
const hello = { type: 'user.message', content: [{ type: 'text', text: 'hello' }] };
/** Nobody listens on the discard port. */
const nowhere = 'http://127.0.0.1:9';

/** A good body of each route that takes one, as JSON. */
export const goodBodies: Partial<Record<RouteKey, (known: Known) => unknown>> = {
  'beta.agents create': ({ skill_id }) => ({
    name: 'Ant',
    model: { id: 'scripted/demo', effort: 'low' },
    system: 's',
    description: 'd',
    tools: [toolset, tool],
    skills: [{ type: 'custom', skill_id, version: 'latest' }],
    metadata,
  }),
  'beta.agents update': () => ({
    description: 'd',
    tools: [toolset],
    mcp_servers: [],
    metadata: { team: null },
  }),
  'beta.environments create': () => ({
    name: `room ${uniqueName()}`,
    config: {
      type: 'cloud',
      networking: { type: 'limited', allowed_hosts: ['example.com'] },
      packages: { pip: [] },
    },
  }),
  'beta.environments update': () => ({ description: 'd', config: { type: 'cloud' }, metadata }),
  'beta.sessions create': ({ agent_id, environment_id, vault_id, memory_store_id, file_id }) => ({
    agent: { type: 'agent_with_overrides', id: agent_id, system: null, tools: [tool] },
    environment_id,
    title: 't',
    metadata,
    budget,
    initial_events: [hello],
    vault_ids: [vault_id],
    resources: [
      { type: 'github_repository', url, mount_path: '/workspace/a', checkout: null },
      { type: 'memory_store', memory_store_id, access: 'read_only' },
      { type: 'file', file_id, mount_path: '/mnt/session/uploads/a' },
    ],
  }),
  'beta.sessions update': () => ({ title: 't', metadata, agent: { tools: [tool], mcp_servers: [] } }),
  'beta.sessions.events send': () => ({
    events: [
      hello,
      { type: 'system.message', content: [{ type: 'text', text: 's' }] },
      { type: 'user.interrupt' },
    ],
  }),
  'beta.sessions.resources add': ({ file_id }) => ({ type: 'file', file_id, mount_path: '/workspace/b' }),
  'beta.sessions.resources update': () => ({ authorization_token: 'a' }),
  'beta.vaults create': () => ({ display_name: 'Keys', metadata }),
  'beta.vaults update': () => ({ display_name: 'More keys', metadata: { team: null } }),
  'beta.vaults.credentials create': () => ({
    auth: {
      type: 'mcp_oauth',
      mcp_server_url: `${nowhere}/${uniqueName()}`,
      access_token: 'a',
      expires_at: '2099-01-01T00:00:00Z',
      refresh: {
        token_endpoint: nowhere,
        client_id: 'c',
        refresh_token: 'r',
        token_endpoint_auth: { type: 'client_secret_post', client_secret: 's' },
      },
    },
  }),
  'beta.vaults.credentials update': () => ({
    auth: { type: 'environment_variable', networking: { type: 'unrestricted' }, secret_value: 't' },
    metadata,
  }),
  'beta.memoryStores create': () => ({ name: 'Notes', description: 'd', metadata }),
  'beta.memoryStores update': () => ({ name: 'Notes', description: 'd', metadata }),
  'beta.memoryStores.memories create': () => ({ path: `/notes/${uniqueName()}.md`, content: 'a' }),
  'beta.memoryStores.memories update': () => ({
    path: `/notes/${uniqueName()}.md`,
    content: 'a',
  }),
  'beta.deployments create': (known) => deployment(known),
  'beta.deployments update': (known) => deployment(known),
  'organization.apiKeys create': () => ({
    name: 'CI',
    scope: { type: 'organization' },
    expires_at: '2099-01-01T00:00:00Z',
  }),
  'organization.apiKeys update': () => ({ name: 'New', status: 'inactive' }),
  'organization.workspaces create': () => workspace,
  'organization.workspaces update': () => workspace,
  'organization.environmentKeys create': () => ({ name: 'worker' }),
  'beta.organization.webhooks create': () => endpoint,
  'beta.organization.webhooks update': () => ({ ...endpoint, state: 'disabled' }),
};

const workspace = { name: 'Team', display_color: '#6C5BB9', tags: { team: 'blue' } };
const endpoint = { url: 'https://example.com/hook', enabled_events: ['agent.created'], name: 'Hook' };

function deployment({ agent_id, environment_id, file_id }: Known): unknown {
  return {
    name: 'Round',
    agent: { type: 'agent', id: agent_id, version: 1 },
    environment_id,
    initial_events: [hello, { type: 'system.message', content: [{ type: 'text', text: 's' }] }],
    schedule: { type: 'cron', expression: '0 9 * * 1-5', timezone: 'Europe/Berlin' },
    resources: [
      { type: 'github_repository', url, authorization_token: 't' },
      { type: 'file', file_id },
    ],
    budget,
    metadata,
    description: 'd',
  };
}

const file: Part = ['file', 'a,b\n', 'a.csv'];
const skillFile = (name = ''): Part => ['files[]', skillMd(name), `${name}/SKILL.md`];

/** A good form of each route that takes one. */
export const goodForms: Partial<Record<RouteKey, (known: Known) => readonly Part[]>> = {
  'files upload': () => [file, ['expires_in_seconds', '3600']],
  'beta.files upload': () => [file],
  'skills create': ({ other_skill_name: name }) => [skillFile(name), ['display_name', 'Ants']],
  'beta.skills create': ({ other_skill_name: name }) => [skillFile(name), ['display_name', 'Ants']],
  'skills.versions create': ({ skill_name: name }) => [
    skillFile(name),
    ['files[]', '# More', `${name}/more.md`],
  ],
  'beta.skills.versions create': ({ skill_name: name }) => [skillFile(name)],
};
