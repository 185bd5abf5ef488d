import type Anthropic from '@anthropic-ai/sdk';

type Sessions = Anthropic['beta']['sessions'];
export type Session = Awaited<ReturnType<Sessions['retrieve']>>;
export type AgentParams = Parameters<Anthropic['beta']['agents']['create']>[0];
export type SendParams = Parameters<Sessions['events']['send']>[1]['events'];
export type StreamParams = NonNullable<Parameters<Sessions['events']['stream']>[1]>;
type Stream = Awaited<ReturnType<Sessions['events']['stream']>>;
export type StreamedEvent = Stream extends AsyncIterable<infer Event> ? Event : never;
type Page = Awaited<ReturnType<Sessions['events']['list']>>;
export type ListedEvent = Page['data'][number];

export const toolset = { type: 'agent_toolset_20260401' } as const;
/** Its tools ask for permission before they run. */
export const askFirst = {
  ...toolset,
  default_config: { permission_policy: { type: 'always_ask' } },
} as const;
export const weather = {
  type: 'custom',
  name: 'weather',
  description: 'Tells the weather',
  input_schema: { type: 'object', properties: { city: { type: 'string' } } },
} as const;
export const interrupt = { type: 'user.interrupt' } as const;

export function message(text: string) {
  return { type: 'user.message' as const, content: [{ type: 'text' as const, text }] };
}

/** An environment, an agent of `scripted/demo` with all tools unless told otherwise, and a session of both. */
export async function openSession(
  client: Anthropic,
  params: Partial<AgentParams> = {},
  session: Partial<Parameters<Sessions['create']>[0]> = {},
): Promise<Session> {
  const environment = await client.beta.environments.create({ name: `room ${uniqueName()}` });
  const agent = await client.beta.agents.create({
    name: 'Ant',
    model: 'scripted/demo',
    tools: [toolset],
    ...params,
  });
  return await client.beta.sessions.create({ agent: agent.id, environment_id: environment.id, ...session });
}

let made = 0;
/** Names of environments are unique. */
export function uniqueName(): string {
  made += 1;
  return String(made);
}

/** Opens a stream, acts, and collects what arrives up to and including the event that `isLast` knows. */
export async function collect(
  client: Anthropic,
  sessionId: string,
  act: () => Promise<unknown>,
  isLast: (event: StreamedEvent) => boolean = isIdle,
  query: StreamParams = {},
  headers: Readonly<Record<string, string>> = {},
): Promise<StreamedEvent[]> {
  const stream = await client.beta.sessions.events.stream(sessionId, query, { headers });
  const seen: StreamedEvent[] = [];
  try {
    await act();
    for await (const event of stream) {
      seen.push(event);
      if (isLast(event)) return seen;
    }
    throw new Error(`the stream ended after ${seen.map(({ type }) => type).join(', ')}`);
  } finally {
    stream.controller.abort();
  }
}

export function isIdle(event: { readonly type: string }): boolean {
  return event.type === 'session.status_idle';
}

/** One turn: says it and returns all that the stream delivered until the session was idle. */
export function say(client: Anthropic, sessionId: string, text: string): Promise<StreamedEvent[]> {
  return collect(client, sessionId, () => send(client, sessionId, message(text)));
}

export function send(client: Anthropic, sessionId: string, ...events: SendParams) {
  return client.beta.sessions.events.send(sessionId, { events });
}

/** The session once it is at rest: the stream is open before the status is read, so no end is missed. */
export async function atRest(client: Anthropic, sessionId: string): Promise<Session> {
  const stream = await client.beta.sessions.events.stream(sessionId);
  try {
    const now = await client.beta.sessions.retrieve(sessionId);
    if (!isBusy(now)) return now;
    for await (const event of stream) {
      if (!isIdle(event) && event.type !== 'session.status_terminated') continue;
      const then = await client.beta.sessions.retrieve(sessionId);
      if (!isBusy(then)) return then;
    }
    throw new Error(`the stream of ${sessionId} ended while the session was at work`);
  } finally {
    stream.controller.abort();
  }
}

function isBusy({ status }: Session): boolean {
  return status === 'running' || status === 'rescheduling';
}

export async function listAll(client: Anthropic, sessionId: string): Promise<ListedEvent[]> {
  const all: ListedEvent[] = [];
  for await (const event of client.beta.sessions.events.list(sessionId)) all.push(event);
  return all;
}

/** All text of agent messages. */
export function spoken(events: readonly (StreamedEvent | ListedEvent)[]): string {
  return events
    .flatMap((event) => (event.type === 'agent.message' ? event.content : []))
    .map((block) => ('text' in block ? block.text : ''))
    .join('\n');
}
