import { styleText } from 'node:util';
import type { Route } from '../protocol/route.ts';
import { routes } from '../protocol/routes.ts';
import type { Arguments } from './arguments.ts';
import { hasFlag, lastFlag } from './arguments.ts';
import type { Client } from './client.ts';
import type { CliIo } from './io.ts';
import { UsageMistake } from './io.ts';
import { yaml } from './values.ts';

export const runSwitches: readonly string[] = ['keep', 'json', 'yes'];

const exitCodes: Readonly<Record<string, number>> = {
  end_turn: 0,
  requires_action: 2,
  retries_exhausted: 3,
  budget_reached: 4,
  refusal: 5,
};
const noQuery = new URLSearchParams();

type Event = Readonly<Record<string, unknown>>;
type Call = (route: Route, ids: Record<string, string>, body?: unknown) => Promise<Event>;

/**
 * `anthill run "TEXT"`: agent, environment, session, stream, answer. What belongs only to this run is
 * archived at its end unless `--keep`. The exit code tells the stop reason.
 */
export async function runOnce({ words, flags }: Arguments, io: CliIo, client: Client): Promise<number> {
  const text = words.slice(1).join(' ');
  if (text === '')
    throw new UsageMistake(
      'anthill run needs a text: anthill run "List the files in the working directory."',
    );
  const call: Call = (route, ids, body) => client.json({ route, ids, query: noQuery, body });
  const made = await prepare(call, flags);
  const events = client.events({
    route: routes['beta.sessions.events stream'],
    ids: { session_id: made.sessionId },
    query: noQuery,
    body: null,
  });
  const message = { type: 'user.message', content: [{ type: 'text', text }] };
  const send = (event: unknown) =>
    call(routes['beta.sessions.events send'], { session_id: made.sessionId }, { events: [event] });
  // The server starts a stream at an event that was sent just before it, so nothing is missed.
  await send(message);
  const show = hasFlag(flags, 'json')
    ? (event: Event) => io.stdout.write(`${JSON.stringify(event)}\n`)
    : reader(io);
  const code = await follow(events, { show, confirm: hasFlag(flags, 'yes') ? send : null });
  if (!hasFlag(flags, 'keep')) await cleanUp(call, made);
  else io.stderr.write(`session ${made.sessionId}\n`);
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
  const tools = flags.filter((flag) => flag.name === 'tool').map((flag) => yaml(flag.value ?? '', 'tool'));
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
  readonly show: (event: Event) => void;
  /** Answers what the agent asks permission for; null leaves it open. */
  readonly confirm: ((event: unknown) => Promise<unknown>) | null;
};

async function follow(events: AsyncIterable<Event>, { show, confirm }: Follow): Promise<number> {
  const asked = new Set<string>();
  for await (const event of events) {
    show(event);
    if (event['evaluated_permission'] === 'ask') asked.add(String(event['id']));
    if (event['type'] === 'session.status_terminated') return 1;
    if (event['type'] !== 'session.status_idle') continue;
    const reason = event['stop_reason'] as { type: string; event_ids?: readonly string[] };
    const ids = reason.event_ids ?? [];
    if (!confirm || reason.type !== 'requires_action' || !ids.every((id) => asked.has(id)))
      return exitCodes[reason.type] ?? 1;
    for (const id of ids) await confirm({ type: 'user.tool_confirmation', tool_use_id: id, result: 'allow' });
  }
  return 1;
}

/** The answer on standard output; what the agent does on standard error, in the background. */
function reader(io: CliIo): (event: Event) => void {
  const dim = (text: string) =>
    io.stderr.write(`${io.stderr.isTTY && !io.env['NO_COLOR'] ? styleText('dim', text) : text}\n`);
  return (event) => {
    switch (event['type']) {
      case 'agent.message':
        for (const block of event['content'] as { text?: string }[]) io.stdout.write(`${block.text ?? ''}\n`);
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
