import type { Route } from '../protocol/route.ts';
import { routes } from '../protocol/routes.ts';
import type { Arguments } from './arguments.ts';
import { allFlags, hasFlag, lastFlag } from './arguments.ts';
import type { Client } from './client.ts';
import type { CliIo } from './io.ts';
import { painter, UsageMistake, visible } from './io.ts';
import { yaml } from './values.ts';

const exitCodes: Readonly<Record<string, number>> = {
  end_turn: 0,
  requires_action: 2,
  retries_exhausted: 3,
  budget_reached: 4,
  refusal: 5,
};
/** As of a program that SIGINT ended. */
const interruptedCode = 130;
const noQuery = new URLSearchParams();

type Event = Readonly<Record<string, unknown>>;
type Call = (route: Route, ids: Record<string, string>, body?: unknown) => Promise<Event>;

/**
 * `anthill run "TEXT"`: agent, environment, session, stream, answer. What belongs only to this run is
 * archived at its end, unless `--keep` or an action is still required. The exit code tells the stop reason.
 */
export async function runOnce({ words, flags }: Arguments, io: CliIo, client: Client): Promise<number> {
  const text = words.slice(1).join(' ');
  if (text === '')
    throw new UsageMistake(
      'anthill run needs a text: anthill run "List the files in the working directory."',
    );
  const call: Call = (route, ids, body) => client.json({ route, ids, query: noQuery, body });
  const made = await prepare(call, flags);
  const ids = { session_id: made.sessionId };
  const stream = routes['beta.sessions.events stream'];
  // Opened before the message is sent, so that nothing is missed.
  const events = await client.events({ route: stream, ids, query: noQuery, body: null });
  const send = (...sent: unknown[]) => call(routes['beta.sessions.events send'], ids, { events: sent });
  const { data } = await send({ type: 'user.message', content: [{ type: 'text', text }] });
  const [message] = data as Event[];
  const show = hasFlag(flags, 'json')
    ? (event: Event) => io.stdout.write(`${JSON.stringify(event)}\n`)
    : reader(io);
  let code = 0;
  const interrupt = () => {
    code = interruptedCode;
    // The agent stops, the stream says so, and the run ends as always; a second Ctrl-C ends us at once.
    void send({ type: 'user.interrupt' }).catch(() => undefined);
  };
  process.once('SIGINT', interrupt);
  try {
    const confirm = hasFlag(flags, 'yes') ? send : null;
    const outcome = await follow(events, { messageId: message?.['id'], show, confirm });
    // A Ctrl-C in the meantime has said its code.
    code ||= outcome;
  } catch (cause) {
    io.stderr.write(`session ${made.sessionId}\n`);
    throw cause;
  } finally {
    process.off('SIGINT', interrupt);
  }
  const isOpen = hasFlag(flags, 'keep') || code === exitCodes['requires_action'];
  if (isOpen) io.stderr.write(`session ${made.sessionId}\n`);
  else await cleanUp(call, made);
  return code;
}

type Made = {
  readonly sessionId: string;
  readonly isNew: boolean;
  readonly agentId: string | null;
  readonly environmentId: string | null;
};

async function prepare(call: Call, flags: Arguments['flags']): Promise<Made> {
  const session = lastFlag(flags, 'session-id');
  if (session !== null) return { sessionId: session, isNew: false, agentId: null, environmentId: null };
  const agent = lastFlag(flags, 'agent');
  const environment = lastFlag(flags, 'environment-id');
  const tools = allFlags(flags, 'tool').map((text) => yaml(text, '--tool'));
  const newAgent =
    agent === null
      ? await call(
          routes['beta.agents create'],
          {},
          {
            name: 'anthill run',
            model: lastFlag(flags, 'model') ?? 'scripted/demo',
            ...(lastFlag(flags, 'system') === null ? {} : { system: lastFlag(flags, 'system') }),
            tools: tools.length > 0 ? tools : [{ type: 'agent_toolset_20260401' }],
          },
        )
      : null;
  const name = `anthill run ${crypto.randomUUID()}`;
  const newEnvironment =
    environment === null ? await call(routes['beta.environments create'], {}, { name }) : null;
  const created = await call(
    routes['beta.sessions create'],
    {},
    {
      agent: agent ?? newAgent?.['id'],
      environment_id: environment ?? newEnvironment?.['id'],
    },
  );
  return {
    sessionId: String(created['id']),
    isNew: true,
    agentId: newAgent && String(newAgent['id']),
    environmentId: newEnvironment && String(newEnvironment['id']),
  };
}

type Follow = {
  /** The message that began this run: what comes before it belongs to an earlier turn. */
  readonly messageId: unknown;
  readonly show: (event: Event) => void;
  /** Answers what the agent asks permission for; null leaves it open. */
  readonly confirm: ((...events: unknown[]) => Promise<unknown>) | null;
};

async function follow(events: AsyncIterable<Event>, options: Follow): Promise<number> {
  const { messageId, show, confirm } = options;
  const asked = new Set<string>();
  let begun = false;
  for await (const event of events) {
    begun ||= event['id'] === messageId;
    if (!begun && !beforeMessage.has(event['type'])) continue;
    show(event);
    if (event['evaluated_permission'] === 'ask') asked.add(String(event['id']));
    if (event['type'] === 'session.status_terminated') return 1;
    if (event['type'] !== 'session.status_idle') continue;
    const reason = event['stop_reason'] as { type: string; event_ids?: readonly string[] };
    const ids = reason.event_ids ?? [];
    if (!confirm || reason.type !== 'requires_action' || !ids.every((id) => asked.has(id)))
      return exitCodes[reason.type] ?? 1;
    // All at once: after some of them the session would say again what is left.
    await confirm(...ids.map((id) => ({ type: 'user.tool_confirmation', tool_use_id: id, result: 'allow' })));
  }
  return 1;
}

/** What a turn says before the message that woke it. */
const beforeMessage: ReadonlySet<unknown> = new Set([
  'session.status_running',
  'session.thread_status_running',
  'session.status_terminated',
  'session.error',
]);

/** The answer on standard output; what the agent does on standard error, in the background. */
function reader(io: CliIo): (event: Event) => void {
  const paint = painter(io.stderr, io.env);
  const dim = (text: string) => io.stderr.write(`${paint('dim', visible(text))}\n`);
  const shown = (text: string) => (io.stdout.isTTY ? visible(text) : text);
  return (event) => {
    switch (event['type']) {
      case 'agent.message':
        for (const block of event['content'] as { text?: string }[])
          io.stdout.write(`${shown(block.text ?? '')}\n`);
        return;
      case 'agent.tool_use':
      case 'agent.custom_tool_use':
        dim(`→ ${event['name']} ${JSON.stringify(event['input'])}`);
        return;
      case 'session.error':
        dim(`! ${(event['error'] as { message: string }).message}`);
    }
  };
}

async function cleanUp(call: Call, made: Made): Promise<void> {
  if (!made.isNew) return;
  const session = await call(routes['beta.sessions retrieve'], { session_id: made.sessionId });
  if (session['status'] !== 'idle') return;
  await call(routes['beta.sessions archive'], { session_id: made.sessionId });
  if (made.environmentId)
    await call(routes['beta.environments archive'], { environment_id: made.environmentId });
  if (made.agentId) await call(routes['beta.agents archive'], { agent_id: made.agentId });
}
