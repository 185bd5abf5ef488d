import type { Field } from '../protocol/fields.ts';
import type { Command } from './commands.ts';
import { flagOf, itemFlagOf } from './commands.ts';

const globalFlags = `Global flags
  --base-url URL         server to talk to (ANTHROPIC_BASE_URL); without it the local server is found by itself
  --api-key KEY          key to use (ANTHROPIC_API_KEY with a base URL; the local server's own otherwise)
  --data DIR             data directory of the local server (ANTHILL_DATA, ~/.anthill)
  --workspace ID         workspace to act in, with a key of the organization
  --format FORMAT        auto, json, jsonl, pretty, yaml, raw; auto is pretty on a terminal and JSON on a pipe,
                         where lists and streams print one object per line
  --transform PATH       print only this part: id, content.0.text, {id,why:stop_reason.type}; of lists, of each item
  -r, --raw-output       print a string without quotes: ID=$(anthill … --transform id -r)
  --format-error FORMAT, --transform-error PATH
                         the same for errors
  --debug                say on standard error what is sent
  --help, --version
`;

export function generalHelp(commands: readonly Command[]): string {
  const lines = resourceLines(commands.filter((command) => !command.short));
  const short = resourceLines(commands.filter((command) => command.short));
  return `anthill: a server for Managed Agents, and its command line

Usage
  anthill up [--port N] [--host H] [--data DIR]   start the server
  anthill doctor                                  say what isolation is active
  anthill doctor SESSION_ID                       say what a session waits for
  anthill worker                                  run the tools of a self-hosted environment on this machine
  anthill rotate-key                              seal stored secrets with a new master key
  anthill backup DIR                              copy the data directory while the server runs
  anthill export FILE, import FILE                move everything to another database or machine
  anthill import --from URL                       copy agents, skills, … from another server
  anthill run "TEXT" [--model M]                  one question, one answer
  anthill sessions kill ID… | --all | --agent ID  stop what agents do now
  anthill RESOURCE ACTION [flags]                 call the API
  anthill … --help                                say more

Administration, for people to read (--json for programs)
${short.join('\n')}

Resources
${lines.join('\n')}

${globalFlags}`;
}

function resourceLines(commands: readonly Command[]): readonly string[] {
  const resources = [...new Set(commands.map(({ resource }) => resource))];
  return resources.map((resource) => {
    const actions = commands.filter((command) => command.resource === resource).map(({ action }) => action);
    return `  ${resource.padEnd(30)} ${actions.join(', ')}`;
  });
}

export function resourceHelp(commands: readonly Command[]): string {
  const lines = commands.map(
    ({ resource, action, route, short }) =>
      `  ${`anthill ${resource} ${action}`.padEnd(45)} ${short?.summary ?? route.summary}`,
  );
  return `${lines.join('\n')}\n\n${globalFlags}`;
}

export const runHelp = `anthill run "TEXT": agent, environment, session, stream, answer

  --model ID             model of the agent that is made for this run (scripted/demo)
  --system TEXT          its system prompt
  --tool YAML            its tools (agent_toolset_20260401; may be repeated)
  --agent ID             use this agent instead
  --environment-id ID    use this environment instead of a new one
  --session-id ID        go on with this session
  --yes                  allow every tool call that asks for permission
  --keep                 do not archive what was made for this run
  --json                 print every event as a line of JSON

Exit code: 0 end_turn, 1 error, 2 requires_action, 3 retries_exhausted, 4 budget_reached, 5 refusal, 130 interrupted.

${globalFlags}`;

export const killHelp = `anthill sessions kill ID… | --all | --agent ID: stop what agents do now

  --all                  every session that runs in the workspace
  --agent ID             those of one agent
  --archive              archive them as well, and with --all or --agent also those that rest: none starts again

An interrupt ends the turn and every process of its tools. Exit code: 0, or 1 when a session could not be stopped.

${globalFlags}`;

export function commandHelp(command: Command): string {
  const { route, short } = command;
  const own = Object.entries(short?.flags ?? {}).map(
    ([name, { kind }]) => `  --${name}${kind === 'value' ? ' TEXT' : ''}`,
  );
  const ids = command.ids.map((id) => `  --${flagOf(id)} ID (required; or without the flag)`);
  const flags = [...command.body, ...command.query].map(flagLine);
  const many = route.paging !== null || route.streams ? ['  --max-items N (of all pages; -1: no limit)'] : [];
  const output = route.downloads ? ['  --output FILE (instead of standard output)'] : [];
  const stdin =
    route.body === null
      ? ''
      : `
The body can also come as YAML or JSON on standard input; flags win. Text that begins with @ names a file
whose content it stands for (\\@ for a literal @). --flag.member sets a member of a YAML flag.
`;
  const words = [...command.ids, ...(short?.words ?? [])].map((word) => ` ${word.toUpperCase()}`).join('');
  return `anthill ${command.resource} ${command.action}${short ? words : ''}: ${short?.summary ?? route.summary}

${[...ids, ...own, ...flags, ...many, ...output, '  --beta VALUE (instead of the anthropic-beta value of this command)'].join('\n')}
${stdin}
${globalFlags}`;
}

function flagLine(field: Field): string {
  const item = itemFlagOf(field);
  const name = item ?? flagOf(field.name);
  const kind = field.kind === 'list' ? (field.items ?? 'string') : field.kind;
  const type = {
    file: 'FILE',
    string: 'TEXT',
    number: 'N',
    boolean: '',
    list: 'YAML',
    object: 'YAML',
    mixed: 'TEXT|YAML',
  }[kind];
  const notes = [
    field.required ? 'required' : '',
    item ? 'may be repeated' : '',
    field.choices.length > 0 && field.choices.length <= 6 ? field.choices.join('|') : '',
  ].filter((note) => note !== '');
  return `  --${name}${type ? ` ${type}` : ''}${notes.length > 0 ? ` (${notes.join('; ')})` : ''}`;
}
