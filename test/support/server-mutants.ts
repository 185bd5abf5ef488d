import fc from 'fast-check';
import type { RouteKey } from '../../src/protocol/routes.ts';
import { routes } from '../../src/protocol/routes.ts';
import type { Session } from './server-sessions.ts';

/** A request that began well: a route, a path, a query, headers and a body, each perhaps spoilt. */
export type Mutant = {
  readonly key: RouteKey;
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array | null;
};

const tool = {
  type: 'custom',
  name: 'weather',
  description: 'd',
  input_schema: { type: 'object', properties: { city: { type: 'string' } } },
};
const toolset = { type: 'agent_toolset_20260401', configs: [{ name: 'bash', enabled: true }] };

/** A good body of each route that takes one. */
function goodBody(key: RouteKey, { agent, environment_id, resources }: Session): unknown {
  const url = 'https://github.com/ants/hill';
  const budget = { type: 'limit', max_list_cost: { amount: '500', currency: 'USD' } };
  const metadata = { team: 'blue' };
  const hello = { type: 'user.message', content: [{ type: 'text', text: 'hello' }] };
  switch (key) {
    case 'beta.agents create':
      return {
        name: 'Ant',
        model: { id: 'scripted/demo', effort: 'low' },
        system: 's',
        tools: [toolset, tool],
        metadata,
      };
    case 'beta.agents update':
      return { description: 'd', tools: [toolset], mcp_servers: [], metadata: { team: null } };
    case 'beta.environments create':
      return {
        name: 'room',
        config: {
          type: 'cloud',
          networking: { type: 'limited', allowed_hosts: ['example.com'] },
          packages: { pip: [] },
        },
      };
    case 'beta.environments update':
      return { description: 'd', config: { type: 'cloud' }, metadata };
    case 'beta.sessions create':
      return {
        agent: { type: 'agent_with_overrides', id: agent.id, system: null, tools: [tool] },
        environment_id,
        title: 't',
        metadata,
        budget,
        initial_events: [hello],
        resources: [{ type: 'github_repository', url, mount_path: '/workspace/a', checkout: null }],
      };
    case 'beta.sessions update':
      return { title: 't', metadata, agent: { tools: [tool], mcp_servers: [] } };
    case 'beta.sessions.events send':
      return {
        events: [
          hello,
          { type: 'user.interrupt' },
          { type: 'user.tool_confirmation', tool_use_id: 'sevt_1', result: 'deny', deny_message: 'no' },
        ],
      };
    case 'beta.sessions.resources add':
      return {
        type: 'file',
        file_id: resources.map((each) => 'file_id' in each && each.file_id).find(Boolean),
      };
    case 'beta.sessions.resources update':
      return { authorization_token: 'a' };
    case 'beta.vaults create':
      return { display_name: 'Keys', metadata };
    case 'beta.vaults.credentials create':
      return {
        auth: {
          type: 'mcp_oauth',
          mcp_server_url: 'https://mcp.example.com',
          access_token: 'a',
          expires_at: '2099-01-01T00:00:00Z',
          refresh: {
            token_endpoint: 'https://auth.example.com/token',
            client_id: 'c',
            refresh_token: 'r',
            token_endpoint_auth: { type: 'client_secret_post', client_secret: 's' },
          },
        },
      };
    case 'beta.vaults.credentials update':
      return { auth: { type: 'environment_variable', networking: { type: 'unrestricted' } }, metadata };
    case 'beta.memoryStores create':
    case 'beta.memoryStores update':
      return { name: 'Notes', description: 'd', metadata };
    case 'beta.memoryStores.memories create':
    case 'beta.memoryStores.memories update':
      return { path: '/notes/a.md', content: 'a' };
    case 'beta.deployments create':
    case 'beta.deployments update':
      return {
        name: 'Round',
        agent: { type: 'agent', id: agent.id, version: 1 },
        environment_id,
        initial_events: [hello, { type: 'system.message', content: [{ type: 'text', text: 's' }] }],
        schedule: { type: 'cron', expression: '0 9 * * 1-5', timezone: 'Europe/Berlin' },
        resources: [{ type: 'github_repository', url: 'https://github.com/a/b', authorization_token: 't' }],
        budget,
        metadata,
      };
    case 'organization.apiKeys create':
      return { name: 'CI', scope: { type: 'organization' }, expires_at: '2099-01-01T00:00:00Z' };
    case 'organization.workspaces create':
    case 'organization.workspaces update':
      return { name: 'Team', display_color: '#6C5BB9', tags: { team: 'blue' }, data_residency: {} };
    case 'organization.environmentKeys create':
      return { name: 'worker' };
    case 'beta.organization.webhooks create':
    case 'beta.organization.webhooks update':
      return { url: 'https://example.com/hook', enabled_events: ['agent.created'], name: 'Hook' };
    default:
      return {};
  }
}

/** Short enough for a URL. */
const strangeWord = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.string({ maxLength: 20 }),
  fc.constantFrom(
    '',
    '\ud800',
    '\u0000',
    'null',
    '__proto__',
    '../..',
    '%00',
    "'; --",
    '0',
    '-1',
    '1e9',
    'idle',
    'desc',
  ),
);
const strangeText = fc.oneof(
  strangeWord,
  fc.integer({ min: 100, max: 3000 }).map((length) => 'é'.repeat(length)),
);
const strangeValue = fc.oneof(
  strangeText,
  fc.jsonValue({ maxDepth: 3 }),
  fc.constantFrom<unknown>(null, true, [], {}, -1, 0, 1.5, 1e308, 2 ** 53, [[]], [null], { type: null }),
  fc.constantFrom('agent', 'custom', 'mcp_toolset', 'limited', 'file', 'text').map((type) => ({ type })),
  fc.integer({ min: 2, max: 400 }).map((depth) =>
    Array(depth)
      .fill(0)
      .reduce<unknown>((inner) => [inner], 1),
  ),
);
const names = [
  'type',
  'name',
  'tools',
  'id',
  'content',
  '__proto__',
  'constructor',
  'toString',
  'metadata',
  'x',
];

/** One change somewhere in a JSON value: replaced, added to, or taken from. */
type Change = {
  readonly turns: readonly number[];
  readonly kind: 'replace' | 'add' | 'remove';
  readonly name: string;
  readonly value: unknown;
};
const change: fc.Arbitrary<Change> = fc.record({
  turns: fc.array(fc.nat(9), { maxLength: 6 }),
  kind: fc.constantFrom('replace', 'add', 'remove'),
  name: fc.oneof(fc.constantFrom(...names), strangeText),
  value: strangeValue,
});

function changed(json: unknown, { turns: [turn, ...turns], kind, name, value }: Change): unknown {
  const isList = Array.isArray(json);
  if (typeof json !== 'object' || json === null) return value;
  const entries = Object.entries(json);
  const at = turn === undefined || entries.length === 0 ? -1 : turn % entries.length;
  if (at === -1) {
    if (kind === 'replace') return value;
    return made(isList, kind === 'add' ? [...entries, [name, value]] : entries.slice(1));
  }
  const deeper = entries.map(([key, inner], index): [string, unknown] => [
    key,
    index === at ? changed(inner, { turns, kind, name, value }) : inner,
  ]);
  return made(isList, deeper);
}

function made(isList: boolean, entries: readonly (readonly [string, unknown])[]): unknown {
  return isList ? entries.map(([, value]) => value) : Object.fromEntries(entries);
}

const queryNames = [
  'limit',
  'page',
  'order',
  'types[]',
  'statuses',
  'created_at[gt]',
  'include_archived',
  'version',
  'force',
  'event_deltas[]',
  'after',
  'agent_id',
  'agent_version',
  'after_id',
  'starting_at',
  'group_by[]',
  'view',
  'depth',
  'path_prefix',
  'status',
  'has_error',
  'trigger_type',
  'deployment_id',
  'expected_content_sha256',
  'beta',
  'x',
];
const queryValues = fc.oneof(
  strangeWord,
  fc.constantFrom(
    '1',
    '100',
    'asc',
    'true',
    '2026-01-01T00:00:00Z',
    'page_W10',
    'agent.message',
    'full',
    'active',
    'manual',
    '/notes/',
  ),
);
const query = fc.oneof(
  { weight: 3, arbitrary: fc.constant([]) },
  fc.array(fc.tuple(fc.constantFrom(...queryNames), queryValues), { maxLength: 3 }),
);

const headers = fc.oneof(
  { weight: 8, arbitrary: fc.constant<Readonly<Record<string, string>>>({}) },
  fc.constantFrom('text/plain', 'application/json;x', 'a/b/c', '').map((type) => ({ 'content-type': type })),
  fc
    .constantFrom('', 'x', 'managed-agents-2026-04-01,,', 'webhooks-2026-10-07', 'sevt_1')
    .map((value) => ({ 'anthropic-beta': value })),
  fc.constantFrom('', 'sevt_1', 'x'.repeat(300)).map((id) => ({ 'last-event-id': id })),
);

/** What exists, by the name of its parameter in a path. */
export type Known = {
  readonly session: Session;
  readonly thread_id: string;
  readonly memory_store_id: string;
  readonly memory_id: string;
  readonly memory_version_id: string;
  readonly deployment_id: string;
  readonly deployment_run_id: string;
};

/** Ids in a path: mostly those that exist, so that the request gets through the door. */
function pathOf(template: string, { session, ...ids }: Known, strange: readonly (string | null)[]): string {
  const known: Readonly<Record<string, string>> = {
    ...ids,
    agent_id: session.agent.id,
    environment_id: session.environment_id,
    session_id: session.id,
    model_id: 'scripted/demo',
    vault_id: session.vault_ids[0] ?? '',
    resource_id: session.resources.map((each) => ('id' in each ? each.id : '')).find(Boolean) ?? '',
  };
  let index = 0;
  return template.replace(/:(\w+)(\{\.\+\})?/g, (_, name: string) => {
    const id = strange[index++] ?? known[name] ?? '';
    // A lone surrogate has no place in a URL.
    return encodeURIComponent(id.toWellFormed()) || 'x';
  });
}

export function mutants(known: Known): fc.Arbitrary<Mutant> {
  const strangeIds = fc.array(fc.oneof({ weight: 4, arbitrary: fc.constant(null) }, strangeWord), {
    maxLength: 2,
  });
  // Half of the requests carry a body, where most of the rules are.
  const keys = Object.keys(routes) as RouteKey[];
  const writing = keys.filter((key) => routes[key].body !== null);
  const anyKey = fc.oneof(fc.constantFrom(...keys), fc.constantFrom(...writing));
  return fc
    .record({
      key: anyKey,
      strangeIds,
      query,
      headers,
      changes: fc.array(change, { maxLength: 3 }),
      cut: fc.option(fc.nat(200), { freq: 12 }),
    })
    .map(({ key, strangeIds: ids, query: pairs, headers: extra, changes, cut }) => {
      const { method, path } = routes[key];
      const search = new URLSearchParams();
      for (const [name, value] of pairs) search.append(name, value.toWellFormed());
      const good = goodBody(key, known.session);
      const text = JSON.stringify(changes.reduce(changed, good));
      return {
        key,
        method,
        path: `${pathOf(path, known, ids)}?${search}`,
        headers: extra,
        body: method === 'POST' ? (cut === null ? text : Buffer.from(text).subarray(0, cut)) : null,
      };
    });
}
