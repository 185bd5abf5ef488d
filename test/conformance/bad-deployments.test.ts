import { everyMorning, nineOClock } from '../support/server-deployments.ts';
import type { Sent } from '../support/server-http.ts';
import type { Refused } from '../support/server-refusals.ts';
import { absent, bad, describeRefusals, hello, text } from '../support/server-refusals.ts';
import type { Session } from '../support/server-sessions.ts';

/** A deployment that could be created, but for what differs. */
function create(changes: Record<string, unknown>): (session: Session) => Sent {
  return (session) => ({ path: '/v1/deployments', body: { ...everyMorning(session), ...changes } });
}
const schedule = (changes: Record<string, unknown>) => create({ schedule: { ...nineOClock, ...changes } });
const events = (...initial_events: unknown[]) => create({ initial_events });
const resources = (...list: unknown[]) => create({ resources: list });
const get = (path: string) => () => ({ path });
const post = (path: string, body?: unknown) => () =>
  body === undefined ? { method: 'POST', path } : { path, body };

const system = { type: 'system.message', content: [{ type: 'text', text: 'be brief' }] };
const outcome = { type: 'user.define_outcome', description: 'd', rubric: { type: 'text', content: 'r' } };
const store = (memory_store_id: string) => ({ type: 'memory_store', memory_store_id });

const fields: readonly Refused[] = [
  ['an unknown field', create({ zeal: 1 }), bad('Failed to parse request body: unknown field "zeal"')],
  ['a title', create({ title: 't' }), bad('Failed to parse request body: unknown field "title"')],
  ['no name', create({ name: undefined }), bad('name is required')],
  ['an empty name', create({ name: '' }), bad('name: must be at least 1 character')],
  ['a name too long', create({ name: text(257) }), bad('name: must be at most 256 characters')],
  [
    'a description too long',
    create({ description: text(2049) }),
    bad('description: must be at most 2048 characters'),
  ],
  [
    'metadata out of bounds',
    create({ metadata: { key: text(513) } }),
    bad('metadata.key: must be at most 512 characters', 'invalid_metadata'),
  ],
  ['no agent', create({ agent: undefined }), bad('agent is required')],
  [
    'a null agent',
    create({ agent: null }),
    bad(/^Failed to parse request: agent: expected .*, received null$/),
  ],
  [
    'an agent with overrides',
    (session) => create({ agent: { type: 'agent_with_overrides', id: session.agent.id } })(session),
    bad(
      'Failed to parse request: agent.type: "agent_with_overrides" is not a valid value; expected one of agent',
    ),
  ],
  ['an absent agent', create({ agent: 'agent_01no' }), absent('Agent not found: agent_01no')],
  [
    'an absent version',
    (session) => create({ agent: { type: 'agent', id: session.agent.id, version: 9 } })(session),
    absent(/^Agent not found: agent_\w+ version 9$/),
  ],
  ['no environment', create({ environment_id: undefined }), bad('environment_id is required')],
  [
    'an absent environment',
    create({ environment_id: 'env_01no' }),
    absent('Environment env_01no not found.', 'environment_not_found'),
  ],
  ['an absent vault', create({ vault_ids: ['vlt_01no'] }), absent('Vault not found: vlt_01no')],
  [
    'too many vaults',
    create({ vault_ids: Array(51).fill('vlt_01no') }),
    bad('vault_ids: must contain at most 50 items'),
  ],
  [
    'a budget of nothing',
    create({ budget: { type: 'limit', max_list_cost: { amount: '0', currency: 'USD' } } }),
    bad('budget.max_list_cost.amount: must be a positive integer number of cents as a string'),
  ],
];

const initialEvents: readonly Refused[] = [
  ['none said', create({ initial_events: undefined }), bad('initial_events is required')],
  ['none', events(), bad('initial_events must contain at least 1 event')],
  ['too many', events(...Array(51).fill(hello)), bad('initial_events: must contain at most 50 items')],
  [
    'an interrupt',
    events({ type: 'user.interrupt' }),
    bad(
      'Failed to parse request: initial_events[0].type: "user.interrupt" is not a valid value; expected one of user.message, user.define_outcome, system.message',
    ),
  ],
  [
    'a system message alone',
    events(system),
    bad('initial_events[0]: system.message must directly follow a user.message'),
  ],
  [
    'a system message that is not the last',
    events(system, hello),
    bad(/^initial_events\[0\]: system\.message must be the last event/),
  ],
  [
    'a system message behind an outcome',
    events(outcome, system),
    bad(/^initial_events\[1\]: system\.message must directly follow/),
  ],
  ['two outcomes', events(outcome, outcome), bad(/^initial_events: at most one user\.define_outcome/)],
  [
    'an outcome without a rubric',
    events({ ...outcome, rubric: undefined }),
    bad('initial_events[0].rubric is required'),
  ],
  [
    'an unknown field in an event',
    events({ ...hello, colour: 'red' }),
    bad('Failed to parse request body: unknown field "colour"'),
  ],
  [
    'a file that does not exist',
    events({
      type: 'user.message',
      content: [{ type: 'image', source: { type: 'file', file_id: 'file_x' } }],
    }),
    bad('initial_events[0].content[0].source.file_id: File `file_x` not found.'),
  ],
];

const schedules: readonly Refused[] = [
  [
    'another type',
    create({ schedule: { type: 'interval', every: 5 } }),
    bad(/^Failed to parse request: schedule\.type: "interval" is not a valid value; expected one of cron$/),
  ],
  ['no type', create({ schedule: { expression: '* * * * *' } }), bad('schedule.type is required')],
  ['no expression', schedule({ expression: undefined }), bad('schedule.expression is required')],
  ['no time zone', schedule({ timezone: undefined }), bad('schedule.timezone is required')],
  [
    'what only the server says',
    schedule({ last_run_at: null }),
    bad('Failed to parse request body: unknown field "last_run_at"'),
  ],
  [
    'an empty expression',
    schedule({ expression: '' }),
    bad('schedule.expression: must be at least 1 character'),
  ],
  [
    'an expression too long',
    schedule({ expression: `${'0,'.repeat(128)}0 * * * *` }),
    bad('schedule.expression: must be at most 256 characters'),
  ],
  [
    'seconds',
    schedule({ expression: '0 0 9 * * *' }),
    bad(/^schedule\.expression: must have 5 fields .*, not 6$/),
  ],
  ['a shortcut', schedule({ expression: '@daily' }), bad(/^schedule\.expression: shortcuts such as @daily/)],
  ['a last day', schedule({ expression: '0 0 L * *' }), bad(/L, W, # and \? are not supported$/)],
  [
    'a minute that is none',
    schedule({ expression: '60 * * * *' }),
    bad(/^schedule\.expression: minute "60"/),
  ],
  ['a date that never comes', schedule({ expression: '0 0 31 2 *' }), bad(/does not exist in month "2"$/)],
  [
    'an offset for a time zone',
    schedule({ timezone: '+01:00' }),
    bad('schedule.timezone: "+01:00" is not an IANA time zone such as Europe/Berlin'),
  ],
  [
    'a nickname for a time zone',
    schedule({ timezone: 'PST' }),
    bad(/^schedule\.timezone: "PST" is not an IANA/),
  ],
];

const mounts: readonly Refused[] = [
  [
    'of an unknown type',
    resources({ type: 'bucket' }),
    bad(/^Failed to parse request: resources\[0\]\.type: "bucket" is not a valid value; expected one of/),
  ],
  ['too many', resources(...Array(501).fill(store('m'))), bad('resources: must contain at most 500 items')],
  [
    'an absent memory store',
    resources(store('memstore_01no')),
    absent('Memory store not found: memstore_01no'),
  ],
  [
    'a memory store twice',
    resources(store('memstore_1'), store('memstore_1')),
    bad(/attached more than once$/),
  ],
  [
    'nine memory stores',
    resources(...Array.from({ length: 9 }, (_, at) => store(`memstore_${at}`))),
    bad('resources: at most 8 memory stores are allowed'),
  ],
  [
    'an empty token',
    resources({ type: 'github_repository', url: 'https://github.com/a/b', authorization_token: '' }),
    bad('resources[0].authorization_token: must be at least 1 character'),
  ],
];

const paths: readonly Refused[] = [
  ['an absent deployment', get('/v1/deployments/depl_01no'), absent('Deployment not found: depl_01no')],
  ['a malformed id', get('/v1/deployments/x'), absent('Deployment not found: x')],
  ['an update of none', post('/v1/deployments/depl_01no', {}), absent('Deployment not found: depl_01no')],
  ...['archive', 'pause', 'unpause', 'run'].map(
    (action): Refused => [
      `${action} of none`,
      post(`/v1/deployments/depl_01no/${action}`),
      absent('Deployment not found: depl_01no'),
    ],
  ),
  [
    'a body where none belongs',
    post('/v1/deployments/depl_01no/run', { now: true }),
    bad('Failed to parse request body: unknown field "now"'),
  ],
  ['an absent run', get('/v1/deployment_runs/drun_01no'), absent('Deployment run not found: drun_01no')],
  [
    'a status beside the archived',
    get('/v1/deployments?status=paused&include_archived=true'),
    bad('status and include_archived cannot be combined'),
  ],
  [
    'an unknown status',
    get('/v1/deployments?status=archived'),
    bad('Failed to parse request: status: "archived" is not a valid value; expected one of active, paused'),
  ],
  ['a page too long', get('/v1/deployments?limit=101'), bad('limit must be between 1 and 100')],
  ['a page of runs too long', get('/v1/deployment_runs?limit=1001'), bad('limit must be between 1 and 1000')],
  [
    'an unknown trigger',
    get('/v1/deployment_runs?trigger_type=webhook'),
    bad(
      'Failed to parse request: trigger_type: "webhook" is not a valid value; expected one of schedule, manual',
    ),
  ],
  [
    'an error that is neither there nor not',
    get('/v1/deployment_runs?has_error=maybe'),
    bad('Failed to parse request: has_error: "maybe" is not a valid value; expected one of true, false'),
  ],
  [
    'an unknown bound',
    get('/v1/deployments?created_at[gt]=2026-01-01T00:00:00Z'),
    bad(/unknown query parameter/),
  ],
];

describeRefusals('deployments that cannot be', {
  fields,
  'initial events': initialEvents,
  schedules,
  resources: mounts,
  paths,
});
