import { routes } from '../protocol/routes.ts';
import type { Arguments, Flag } from './arguments.ts';
import type { Command, Short } from './commands.ts';
import { commandOf, flagOf } from './commands.ts';
import { UsageMistake } from './io.ts';

/** `anthill keys list` and the like: routes of the organization in few words, answered for people to read. */
export function shortCommands(): readonly Command[] {
  return [
    ...keyCommands(),
    ...workspaceCommands(),
    ...environmentKeyCommands(),
    ...webhookCommands(),
    usage(),
    diagnosis(),
  ];
}

type Definition = Partial<Omit<Short, 'summary'>> & {
  readonly route: keyof typeof routes;
  readonly summary: string;
};

function short(resource: string, action: string, { route, ...given }: Definition): Command {
  const rest = { words: [], always: [], columns: [], ...given };
  const json = { kind: 'switch', means: () => [{ name: 'format', value: 'jsonl' }] } as const;
  return {
    ...commandOf(routes[route]),
    resource,
    action,
    short: { ...rest, flags: { ...given.flags, json } },
  };
}

const setTo = (name: string, value: string): readonly Flag[] => [{ name, value }];

function keyCommands(): readonly Command[] {
  const columns = [
    'id',
    'name',
    'status',
    'scope:scope.type',
    'workspace:scope.workspace_id',
    'partial_key_hint',
    'created_at',
    'expires_at',
  ];
  const update = { route: 'organization.apiKeys update', columns } as const;
  const scope = (value: string): Flag[] => [{ name: 'scope', value }];
  return [
    short('keys', 'create', {
      route: 'organization.apiKeys create',
      summary: 'Create an API key for one workspace, or --admin for the organization',
      words: ['name'],
      flags: {
        admin: { kind: 'switch', means: () => scope('{type: organization}') },
        'workspace-id': {
          kind: 'value',
          means: (id) => scope(JSON.stringify({ type: 'workspace', workspace_id: id })),
        },
      },
      columns: ['secret', ...columns],
    }),
    short('keys', 'list', { route: 'organization.apiKeys list', summary: 'List API keys', columns }),
    short('keys', 'rename', { ...update, summary: 'Rename an API key', words: ['name'] }),
    short('keys', 'disable', {
      ...update,
      summary: 'Refuse an API key from now on',
      always: setTo('status', 'inactive'),
    }),
    short('keys', 'enable', {
      ...update,
      summary: 'Accept a disabled API key again',
      always: setTo('status', 'active'),
    }),
    short('keys', 'archive', {
      ...update,
      summary: 'Refuse an API key for good',
      always: setTo('status', 'archived'),
    }),
  ];
}

function workspaceCommands(): readonly Command[] {
  const columns = ['id', 'name', 'created_at', 'archived_at'];
  return [
    short('workspaces', 'create', {
      route: 'organization.workspaces create',
      summary: 'Create a workspace',
      words: ['name'],
      columns,
    }),
    short('workspaces', 'list', {
      route: 'organization.workspaces list',
      summary: 'List workspaces, the default one among them',
      always: setTo('include-default', 'true'),
      columns,
    }),
    short('workspaces', 'rename', {
      route: 'organization.workspaces update',
      summary: 'Rename a workspace',
      words: ['name'],
      columns,
    }),
    short('workspaces', 'archive', {
      route: 'organization.workspaces archive',
      summary: 'Refuse the keys of a workspace for good, and keep its data',
      columns,
    }),
  ];
}

function environmentKeyCommands(): readonly Command[] {
  const columns = ['id', 'name', 'partial_key_hint', 'created_at', 'revoked_at'];
  return [
    short('environment-keys', 'create', {
      route: 'organization.environmentKeys create',
      summary: 'Create a key for the workers of an environment',
      words: ['name'],
      columns: ['secret', ...columns],
    }),
    short('environment-keys', 'list', {
      route: 'organization.environmentKeys list',
      summary: 'List the keys of an environment',
      columns,
    }),
    short('environment-keys', 'revoke', {
      route: 'organization.environmentKeys revoke',
      summary: 'Refuse a key of an environment for good',
      columns,
    }),
  ];
}

function webhookCommands(): readonly Command[] {
  const columns = ['id', 'name', 'state', 'disabled_reason', 'url', 'enabled_events'];
  const update = { route: 'beta.organization.webhooks update', columns } as const;
  const events = {
    event: { kind: 'value', means: (type: string | null) => [{ name: 'enabled-event', value: type }] },
  } as const;
  return [
    short('webhooks', 'create', {
      route: 'beta.organization.webhooks create',
      summary: 'Tell a URL of events: --event agent.created --event …',
      words: ['url'],
      flags: events,
      columns: ['signing_secret', ...columns],
    }),
    short('webhooks', 'list', {
      route: 'beta.organization.webhooks list',
      summary: 'List webhook endpoints',
      columns,
    }),
    short('webhooks', 'update', { ...update, summary: 'Change a webhook endpoint', flags: events }),
    short('webhooks', 'disable', {
      ...update,
      summary: 'Send nothing to a webhook endpoint',
      always: setTo('state', 'disabled'),
    }),
    short('webhooks', 'enable', {
      ...update,
      summary: 'Send to a webhook endpoint again',
      always: setTo('state', 'enabled'),
    }),
    short('webhooks', 'new-secret', {
      route: 'beta.organization.webhooks regenerateSigningSecret',
      summary: 'Replace the signing secret of a webhook endpoint at once',
      columns: ['signing_secret'],
    }),
    short('webhooks', 'delete', {
      route: 'beta.organization.webhooks delete',
      summary: 'Delete a webhook endpoint',
      columns: ['id', 'type'],
    }),
  ];
}

const dayMs = 24 * 60 * 60 * 1000;

function usage(): Command {
  const days = (text: string | null): Flag[] => {
    const count = /^[1-9]\d{0,3}$/.test(text ?? '') ? Number(text) : 0;
    if (count === 0) throw new UsageMistake(`--days: "${text}" is not a number of days`);
    return [{ name: 'starting-at', value: new Date(Date.now() - (count - 1) * dayMs).toISOString() }];
  };
  return short('usage', 'report', {
    route: 'organization.usageReport messages',
    summary: 'Report tokens, active time and list cost (cents): --days N, --group-by model or workspace_id',
    flags: { days: { kind: 'value', means: days } },
    always: days('7'),
    columns: [
      'starting_at',
      'workspace_id',
      'model',
      'requests',
      'uncached_input_tokens',
      'cache_read_input_tokens',
      'output_tokens',
      'active_seconds',
      'cents:list_cost.amount',
    ],
    rows: ({ starting_at, results }) =>
      (Array.isArray(results) ? results : []).map((row: object) => ({ starting_at, ...row })),
  });
}

function diagnosis(): Command {
  return short('sessions', 'diagnose', {
    route: 'beta.sessions.diagnosis retrieve',
    summary: 'Say what a session waits for, since when, and who can let it go on',
    columns: ['status', 'kind', 'waiting_for:description', 'since', 'until', 'released_by', 'event_id'],
    rows: ({ status, waiting_for }) => {
      const waits = Array.isArray(waiting_for) ? waiting_for : [];
      return waits.length === 0 ? [{ status }] : waits.map((wait: object) => ({ status, ...wait }));
    },
  });
}

/** The flags of the route that a short command stands for. */
export function expanded({ ids, body, short: own }: Command, { words, flags }: Arguments): Arguments {
  if (!own) return { words, flags };
  const missing = ids.filter((id) => !flags.some(({ name }) => name === flagOf(id)));
  const given = words.slice(missing.length, missing.length + own.words.length);
  const fields = given.map((value, index) => ({ name: flagOf(own.words[index] ?? ''), value }));
  // What the route itself requires is asked for later: it may come on standard input.
  const absent = own.words.slice(given.length).find((word) => {
    const isRequired = body.some(({ name, required }) => required && name === word);
    return !isRequired && !flags.some(({ name }) => name === flagOf(word));
  });
  if (absent !== undefined) throw new UsageMistake(`--${flagOf(absent)} is required`);
  const meant = flags.flatMap((flag) => {
    const definition = Object.hasOwn(own.flags, flag.name) ? own.flags[flag.name] : undefined;
    return definition ? (flag.value === 'false' ? [] : definition.means(flag.value)) : [flag];
  });
  const excess = words.slice(missing.length + own.words.length);
  return {
    words: [...words.slice(0, missing.length), ...excess],
    flags: [...own.always, ...fields, ...meant],
  };
}
