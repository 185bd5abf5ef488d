import { encodeCursor } from '../../src/protocol/cursor.ts';
import type { Sent } from '../support/server-http.ts';
import type { Refused } from '../support/server-refusals.ts';
import { absent, bad, describeRefusals, hello, text } from '../support/server-refusals.ts';
import type { Session } from '../support/server-sessions.ts';

function events(...sent: readonly unknown[]): (session: Session) => Sent {
  return ({ id }) => ({ path: `/v1/sessions/${id}/events`, body: { events: sent } });
}
const block = (content: unknown) => events({ type: 'user.message', content: [content] });

const sending: readonly Refused[] = [
  ['no events', events(), bad('events: must contain at least 1 item')],
  [
    'no list of events',
    ({ id }) => ({ path: `/v1/sessions/${id}/events`, body: {} }),
    bad('events is required'),
  ],
  ['too many events', events(...Array(1001).fill(hello)), bad('events: must contain at most 1000 items')],
  [
    'an unknown kind behind a good one',
    events(hello, { type: 'user.bogus' }),
    bad(/events\[1\]\.type: "user\.bogus" is not a valid value/),
  ],
  [
    'an event of the server',
    events({ type: 'agent.message', content: [] }),
    bad(/events\[0\]\.type: "agent\.message" is not a valid value/),
  ],
  ['an event without a type', events({}), bad('events[0].type is required')],
  [
    'an event that is text',
    events('hello'),
    bad('Failed to parse request: events[0]: expected object, received string'),
  ],
  [
    'an unknown field of an event',
    events({ ...hello, id: 'x' }),
    bad('Failed to parse request body: unknown field "id"'),
  ],
  ['a message without content', events({ type: 'user.message' }), bad('events[0].content is required')],
  [
    'a message with empty content',
    events({ type: 'user.message', content: [] }),
    bad('events[0].content: must contain at least 1 item'),
  ],
  [
    'a message of text alone',
    events({ type: 'user.message', content: 'hello' }),
    bad('Failed to parse request: events[0].content: expected array, received string'),
  ],
  [
    'empty text',
    block({ type: 'text', text: '' }),
    bad('events[0].content[0].text: must be at least 1 character'),
  ],
  [
    'an unknown block',
    block({ type: 'video' }),
    bad(/events\[0\]\.content\[0\]\.type: "video" is not a valid value/),
  ],
  [
    'a file that does not exist',
    block({ type: 'image', source: { type: 'file', file_id: 'file_01' } }),
    bad('events[0].content[0].source.file_id: File `file_01` not found.'),
  ],
  [
    'an image that is not base64',
    block({ type: 'image', source: { type: 'base64', media_type: 'image/png', data: '@@' } }),
    bad('events[0].content[0].source.data: must be base64'),
  ],
  [
    'an image of a kind no model reads',
    block({ type: 'image', source: { type: 'base64', media_type: 'text/plain', data: 'aGk=' } }),
    bad(/^events\[0\]\.content\[0\]\.source\.media_type: "text\/plain" is not supported/),
  ],
  [
    'an image at no URL',
    block({ type: 'image', source: { type: 'url', url: 'notaurl' } }),
    bad('events[0].content[0].source.url: must be an http or https URL'),
  ],
  [
    'an interrupt of a malformed thread',
    events({ type: 'user.interrupt', session_thread_id: 'sthr_!!' }),
    bad('Invalid thread ID: sthr_!!'),
  ],
  [
    'an interrupt of an unknown thread',
    events({ type: 'user.interrupt', session_thread_id: 'sthr_01none' }),
    absent('Thread not found: sthr_01none'),
  ],
  [
    'an interrupt of what is no thread',
    events({ type: 'user.interrupt', session_thread_id: 'none' }),
    bad('Invalid thread ID: none'),
  ],
  [
    'a reason given with a permission',
    events({ type: 'user.tool_confirmation', tool_use_id: 'sevt_1', result: 'allow', deny_message: 'no' }),
    bad('events[0].deny_message: only allowed when result is "deny"'),
  ],
  [
    'a reason too long',
    events({
      type: 'user.tool_confirmation',
      tool_use_id: 'sevt_1',
      result: 'deny',
      deny_message: text(10_001),
    }),
    bad('events[0].deny_message: must be at most 10000 characters'),
  ],
  [
    'a verdict that is none',
    events({ type: 'user.tool_confirmation', tool_use_id: 'sevt_1', result: 'maybe' }),
    bad(
      'Failed to parse request: events[0].result: "maybe" is not a valid value; expected one of allow, deny',
    ),
  ],
  [
    'an answer to nothing',
    events({ type: 'user.tool_confirmation', tool_use_id: 'sevt_01none', result: 'allow' }),
    bad('events[0].tool_use_id: no tool use sevt_01none is waiting for an answer'),
  ],
  [
    'a result of nothing',
    events({ type: 'user.custom_tool_result', custom_tool_use_id: 'sevt_01none', content: [] }),
    bad('events[0].custom_tool_use_id: no tool use sevt_01none is waiting for an answer'),
  ],
  [
    'a message and, behind it, an answer to nothing: neither is kept',
    events(hello, { type: 'user.tool_confirmation', tool_use_id: 'sevt_01none', result: 'allow' }),
    bad('events[1].tool_use_id: no tool use sevt_01none is waiting for an answer'),
  ],
  [
    'a worker’s result without a worker’s key',
    events({ type: 'user.tool_result', tool_use_id: 'sevt_1', content: [] }),
    { status: 403, type: 'permission_error', message: /only accepted from workers/ },
  ],
  [
    'a good event for no session',
    () => events(hello)({ id: 'sesn_01nothing' } as Session),
    absent('Session not found: sesn_01nothing'),
  ],
  [
    'a bad event for no session: the body is read first',
    () => events()({ id: 'sesn_01nothing' } as Session),
    bad('events: must contain at least 1 item'),
  ],
];

const unsealed = encodeCursor({ order: 'desc', position: [1, 'a'], back: false });
const get = (path: string) => () => ({ path });
const history = (query: string) => (given: Session) => ({ path: `/v1/sessions/${given.id}/events?${query}` });

const reading: readonly Refused[] = [
  ...['0', '-1', '101', '1.5', 'ten', '', '1e1', '9999999999'].map(
    (limit): Refused => [
      `limit=${limit}`,
      get(`/v1/sessions?limit=${limit}`),
      bad('limit must be between 1 and 100'),
    ],
  ),
  [
    'a limit over that of environments',
    get('/v1/environments?limit=1001'),
    bad('limit must be between 1 and 1000'),
  ],
  ['a limit over that of agents', get('/v1/agents?limit=101'), bad('limit must be between 1 and 100')],
  ['a limit over that of events', history('limit=1001'), bad('limit must be between 1 and 1000')],
  ['a limit over that of models', get('/v1/models?limit=1001'), bad('limit must be between 1 and 1000')],
  ...['', 'x', 'page_', 'page_!!', unsealed, `${unsealed}${'A'.repeat(22)}`].map(
    (page): Refused => [
      `page=${page}`,
      get(`/v1/sessions?page=${encodeURIComponent(page)}`),
      bad('page: invalid cursor'),
    ],
  ),
  [
    'an order that is none',
    get('/v1/sessions?order=up'),
    bad('Failed to parse request: order: "up" is not a valid value; expected one of asc, desc'),
  ],
  [
    'a status that is none',
    get('/v1/sessions?statuses[]=idle&statuses[]=lazy'),
    bad(
      /statuses\[1\]: "lazy" is not a valid value; expected one of rescheduling, running, idle, terminated/,
    ),
  ],
  ['a time that is none', get('/v1/sessions?created_at[gte]=yesterday'), bad(/^created_at\[gte\]: /)],
  [
    'a flag that is none',
    get('/v1/sessions?include_archived=perhaps'),
    bad(/^include_archived: |include_archived/),
  ],
  ['the same parameter twice', get('/v1/sessions?limit=1&limit=2'), bad('limit: must be given once')],
  ['an unknown parameter', get('/v1/sessions?colour=red'), bad('unknown query parameter "colour"')],
  [
    'a type of event that is none',
    history('types[]=agent.shout'),
    bad(/types\[0\]: "agent\.shout" is not a valid value/),
  ],
  [
    'a preview that there is none of',
    (given) => ({ path: `/v1/sessions/${given.id}/events/stream?event_deltas[]=agent.tool_use` }),
    bad(/event_deltas\[0\]: "agent\.tool_use" is not a valid value/),
  ],
  [
    'a replay from nowhere',
    (given) => ({ path: `/v1/sessions/${given.id}/events/stream?after=sevt_01none` }),
    bad('cannot replay: no event sevt_01none has been delivered in this session'),
  ],
  [
    'a stream of nothing',
    get('/v1/sessions/sesn_01nothing/events/stream'),
    absent('Session not found: sesn_01nothing'),
  ],
  [
    'a thread of nothing',
    get('/v1/sessions/sesn_01nothing/threads'),
    absent('Session not found: sesn_01nothing'),
  ],
  [
    'an unknown thread',
    (given) => ({ path: `/v1/sessions/${given.id}/threads/sthr_01none` }),
    absent('Thread not found: sthr_01none'),
  ],
  [
    'what is no thread',
    (given) => ({ path: `/v1/sessions/${given.id}/threads/none` }),
    bad('Invalid thread ID: none'),
  ],
  [
    'a stream of a thread under the path of sessions',
    (given) => ({ path: `/v1/sessions/${given.id}/threads/sthr_01none/events/stream` }),
    absent('Not found'),
  ],
  ['an unknown model', get('/v1/models/gpt-1'), absent('Model not found: gpt-1')],
  [
    'a model before and after',
    get('/v1/models?after_id=a&before_id=b'),
    bad('only one of after_id and before_id can be given'),
  ],
];

describeRefusals('a bad event or query is refused in the words of the specification and changes nothing', {
  events: sending,
  'lists and streams': reading,
});
