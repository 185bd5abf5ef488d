import type { Sent } from '../support/server-http.ts';
import type { Refused } from '../support/server-refusals.ts';
import { absent, bad, describeRefusals, hello, text } from '../support/server-refusals.ts';
import type { Session } from '../support/server-sessions.ts';

const pairs = (count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, at) => [`k${at}`, 'v']));

function agent(body: Record<string, unknown>): () => Sent {
  return () => ({ path: '/v1/agents', body: { name: 'Ant', model: 'scripted/demo', ...body } });
}
function tool(more: Record<string, unknown>): () => Sent {
  const custom = { type: 'custom', name: 'weather', description: 'd', input_schema: { type: 'object' } };
  return agent({ tools: [{ ...custom, ...more }] });
}

const agents: readonly Refused[] = [
  ['an unknown field', agent({ zeal: 1 }), bad('Failed to parse request body: unknown field "zeal"')],
  [
    'two unknown fields: the first of the alphabet is named',
    agent({ zeal: 1, aim: 2 }),
    bad('Failed to parse request body: unknown field "aim"'),
  ],
  ['no name', agent({ name: undefined }), bad('name is required')],
  [
    'a null name',
    agent({ name: null }),
    bad('Failed to parse request: name: expected string, received null'),
  ],
  [
    'a name of the wrong type',
    agent({ name: 7 }),
    bad('Failed to parse request: name: expected string, received number'),
  ],
  ['an empty name', agent({ name: '' }), bad('name: must be at least 1 character')],
  ['a name too long', agent({ name: text(257) }), bad('name: must be at most 256 characters')],
  [
    'a description too long',
    agent({ description: text(2049) }),
    bad('description: must be at most 2048 characters'),
  ],
  [
    'a system prompt too long',
    agent({ system: text(100_001) }),
    bad('system: must be at most 100000 characters'),
  ],
  ['no model', agent({ model: undefined }), bad('model is required')],
  ['an unknown model', agent({ model: 'gpt-1' }), bad('model: "gpt-1" is not a known model')],
  [
    'an effort that does not exist',
    agent({ model: { id: 'scripted/demo', effort: 'huge' } }),
    bad(
      /^Failed to parse request: model\.effort: .*"huge" is not a valid value; expected one of low, medium/,
    ),
  ],
  [
    'metadata with too many pairs',
    agent({ metadata: pairs(17) }),
    bad('metadata: must have at most 16 pairs', 'invalid_metadata'),
  ],
  [
    'a metadata key too long',
    agent({ metadata: { [text(65)]: 'v' } }),
    bad('metadata: keys must be between 1 and 64 characters', 'invalid_metadata'),
  ],
  [
    'a metadata value too long',
    agent({ metadata: { key: text(513) } }),
    bad('metadata.key: must be at most 512 characters', 'invalid_metadata'),
  ],
  [
    'a metadata value of the wrong type',
    agent({ metadata: { key: 5 } }),
    bad('Failed to parse request: metadata.key: expected string, received number'),
  ],
  [
    'an unknown kind of tool',
    agent({ tools: [{ type: 'hammer' }] }),
    bad(
      /^Failed to parse request: tools\[0\]\.type: "hammer" is not a valid value; expected one of agent_toolset_20260401, mcp_toolset, custom/,
    ),
  ],
  ['a tool without a type', agent({ tools: [{}] }), bad('tools[0].type is required')],
  [
    'an unknown field inside a tool',
    tool({ colour: 'red' }),
    bad('Failed to parse request body: unknown field "colour"'),
  ],
  [
    'a custom tool named like a built-in one',
    tool({ name: 'bash' }),
    bad('tools[0].name: "bash" is the name of a built-in tool'),
  ],
  [
    'a custom tool without a description',
    tool({ description: '' }),
    bad('tools[0].description: must be at least 1 character'),
  ],
  [
    'a custom tool with a schema that refers',
    tool({ input_schema: { type: 'object', properties: { a: { $ref: '#/b' } } } }),
    bad('tools[0].input_schema: $ref is not supported'),
  ],
  [
    'a custom tool whose schema is no object',
    tool({ input_schema: { type: 'array' } }),
    bad(
      /^Failed to parse request: tools\[0\]\.input_schema\.type: "array" is not a valid value; expected one of object/,
    ),
  ],
  [
    'an MCP server nobody uses',
    agent({ mcp_servers: [{ type: 'url', name: 'docs', url: 'https://docs.example.com' }] }),
    bad(/docs/),
  ],
  [
    'an MCP server by another protocol',
    agent({ mcp_servers: [{ type: 'url', name: 'docs', url: 'ftp://docs.example.com' }] }),
    bad('mcp_servers[0].url: must be an http or https URL'),
  ],
  [
    'an unknown skill',
    agent({ skills: [{ type: 'custom', skill_id: 'skill_01' }] }),
    bad('Agent has invalid configuration: skill_id "skill_01" was not found'),
  ],
  [
    'a list for a body',
    () => ({ path: '/v1/agents', body: [] }),
    bad('Failed to parse request: body: expected object, received array'),
  ],
  [
    'null for a body',
    () => ({ path: '/v1/agents', body: null }),
    bad('Failed to parse request: body: expected object, received null'),
  ],
  ['an id that is none', () => ({ path: '/v1/agents/nobody' }), bad('Invalid agent ID.')],
  ['an id far too long', () => ({ path: `/v1/agents/agent_${'a'.repeat(200)}` }), bad('Invalid agent ID.')],
  ['an unknown id', () => ({ path: '/v1/agents/agent_01nobody' }), absent('Agent not found: agent_01nobody')],
  [
    'an unknown version',
    ({ agent: { id } }) => ({ path: `/v1/agents/${id}?version=9` }),
    absent(/^Agent not found: /),
  ],
  [
    'a version of zero',
    ({ agent: { id } }) => ({ path: `/v1/agents/${id}?version=0` }),
    bad('version: must be a positive integer'),
  ],
  [
    'a field where no body is wanted',
    ({ agent: { id } }) => ({ path: `/v1/agents/${id}/archive`, body: { x: 1 } }),
    bad('Failed to parse request body: unknown field "x"'),
  ],
  [
    'an update of nobody',
    () => ({ path: '/v1/agents/agent_01nobody', body: { name: 'x' } }),
    absent('Agent not found: agent_01nobody'),
  ],
  [
    'an archive of nobody',
    () => ({ method: 'POST', path: '/v1/agents/agent_01nobody/archive' }),
    absent('Agent not found: agent_01nobody'),
  ],
  [
    'versions of nobody',
    () => ({ path: '/v1/agents/agent_01nobody/versions' }),
    absent('Agent not found: agent_01nobody'),
  ],
];

function environment(body: Record<string, unknown>): () => Sent {
  return () => ({ path: '/v1/environments', body: { name: 'A new room', ...body } });
}
const limited = { type: 'limited' };

const environments: readonly Refused[] = [
  ['an unknown field', environment({ zeal: 1 }), bad('zeal: Extra inputs are not permitted')],
  [
    'an unknown field deep inside',
    environment({ config: { type: 'cloud', networking: { type: 'unrestricted', allowed_hosts: [] } } }),
    bad('config.networking.allowed_hosts: Extra inputs are not permitted'),
  ],
  ['no name', environment({ name: undefined }), bad('name: Field required')],
  ['a name too long', environment({ name: text(257) }), bad('name: must be at most 256 characters')],
  [
    'a description too long',
    environment({ description: text(1025) }),
    bad('description: must be at most 1024 characters'),
  ],
  [
    'an unknown kind',
    environment({ config: { type: 'moon' } }),
    bad('config.type: "moon" is not a valid value; expected one of cloud, self_hosted'),
  ],
  [
    'a host with a scheme',
    environment({
      config: { type: 'cloud', networking: { ...limited, allowed_hosts: ['https://example.com'] } },
    }),
    bad(/^config\.networking\.allowed_hosts\.0: "https:\/\/example\.com" must be a bare host/),
  ],
  [
    'packages without a way to fetch them',
    environment({ config: { type: 'cloud', networking: limited, packages: { npm: ['left-pad'] } } }),
    bad(/allow_package_managers/),
  ],
  [
    'a change of kind',
    ({ environment_id }) => ({
      path: `/v1/environments/${environment_id}`,
      body: { config: { type: 'self_hosted' } },
    }),
    bad(/config\.type/, 'invalid_config_type_change'),
  ],
  [
    'an unknown id',
    () => ({ path: '/v1/environments/env_01nothing' }),
    absent('Environment env_01nothing not found.', 'environment_not_found'),
  ],
  [
    'a delete of nothing',
    () => ({ method: 'DELETE', path: '/v1/environments/env_01nothing' }),
    absent('Environment env_01nothing not found.', 'environment_not_found'),
  ],
  [
    'a delete of one in use',
    ({ environment_id }) => ({ method: 'DELETE', path: `/v1/environments/${environment_id}` }),
    {
      status: 409,
      type: 'invalid_request_error',
      message: 'Environment has 1 active sessions. Use force=true to delete anyway.',
    },
  ],
];

function session(more: Record<string, unknown>): (session: Session) => Sent {
  return ({ agent: { id }, environment_id }) => ({
    path: '/v1/sessions',
    body: { agent: id, environment_id, ...more },
  });
}
function override(more: Record<string, unknown>): (session: Session) => Sent {
  return (given) => session({ agent: { type: 'agent_with_overrides', id: given.agent.id, ...more } })(given);
}
function update(body: Record<string, unknown>): (session: Session) => Sent {
  return ({ id }) => ({ path: `/v1/sessions/${id}`, body });
}

const sessions: readonly Refused[] = [
  [
    'an unknown field',
    session({ user_id: 'me' }),
    bad('Failed to parse request body: unknown field "user_id"'),
  ],
  ['no agent', session({ agent: undefined }), bad('agent is required')],
  ['no environment', session({ environment_id: undefined }), bad('environment_id is required')],
  ['an unknown agent', session({ agent: 'agent_01nobody' }), absent('Agent not found: agent_01nobody')],
  [
    'an unknown environment',
    session({ environment_id: 'env_01nothing' }),
    absent('Environment env_01nothing not found.', 'environment_not_found'),
  ],
  [
    'an environment id too long',
    session({ environment_id: text(129) }),
    bad('environment_id: must be at most 128 characters'),
  ],
  ['a title too long', session({ title: text(501) }), bad('title: must be at most 500 characters')],
  [
    'an override that clears the model',
    override({ model: null }),
    bad(/agent_model_required/, 'agent_model_required'),
  ],
  ['an unknown override', override({ name: 'x' }), bad('Failed to parse request body: unknown field "name"')],
  [
    'a reference of an unknown kind',
    session({ agent: { type: 'robot', id: 'agent_01' } }),
    bad(
      /^Failed to parse request: agent\.type: "robot" is not a valid value; expected one of agent, agent_with_overrides/,
    ),
  ],
  [
    'an initial event that cannot begin a session',
    session({ initial_events: [hello, { type: 'user.interrupt' }] }),
    bad(
      /^Failed to parse request: initial_events\[1\]\.type: "user\.interrupt" is not a valid value; expected one of user\.message, user\.define_outcome/,
    ),
  ],
  [
    'an initial event with an unknown field',
    session({ initial_events: [hello, { ...hello, mood: 'good' }] }),
    bad('Failed to parse request body: unknown field "mood"'),
  ],
  [
    'too many initial events',
    session({ initial_events: Array(51).fill(hello) }),
    bad('initial_events: must contain at most 50 items'),
  ],
  [
    'a budget that is no number of cents',
    session({ budget: { type: 'limit', max_list_cost: { amount: '1.50', currency: 'USD' } } }),
    bad(/^budget\.max_list_cost\.amount: /),
  ],
  ['an unknown vault', session({ vault_ids: ['vlt_01'] }), absent('Vault not found: vlt_01')],
  [
    'an unknown file',
    session({ resources: [{ type: 'file', file_id: 'file_01' }] }),
    absent('File `file_01` not found.'),
  ],
  ['an update with an empty title', update({ title: '' }), bad('title: must be at least 1 character')],
  [
    'an update with a title too long',
    update({ title: text(501) }),
    bad('title: must be at most 500 characters'),
  ],
  [
    'an update with an unknown field',
    update({ environment_id: 'env_1' }),
    bad('Failed to parse request body: unknown field "environment_id"'),
  ],
  [
    'an update of the agent beyond tools and servers',
    update({ agent: { model: 'x' } }),
    bad('Failed to parse request body: unknown field "model"'),
  ],
  ['an update of vaults', update({ vault_ids: [] }), bad(/vault_ids/)],
  [
    'a budget set later',
    update({ budget: { type: 'limit', max_list_cost: { amount: '5', currency: 'USD' } } }),
    bad(/budget_create_only/, 'budget_create_only'),
  ],
  [
    'an update over the limit of metadata',
    update({ metadata: pairs(17) }),
    bad('metadata: must have at most 16 pairs', 'invalid_metadata'),
  ],
  [
    'an unknown id',
    () => ({ path: '/v1/sessions/sesn_01nothing' }),
    absent('Session not found: sesn_01nothing'),
  ],
  ['an id that is none', () => ({ path: '/v1/sessions/nothing' }), absent('Session not found: nothing')],
  [
    'an update of nothing',
    () => ({ path: '/v1/sessions/sesn_01nothing', body: { title: 'x' } }),
    absent('Session not found: sesn_01nothing'),
  ],
  [
    'an archive of nothing',
    () => ({ method: 'POST', path: '/v1/sessions/sesn_01nothing/archive' }),
    absent('Session not found: sesn_01nothing'),
  ],
  [
    'a delete of nothing',
    () => ({ method: 'DELETE', path: '/v1/sessions/sesn_01nothing' }),
    absent('Session not found: sesn_01nothing'),
  ],
];

describeRefusals('a bad resource is refused in the words of the specification and changes nothing', {
  agents,
  environments,
  sessions,
});
