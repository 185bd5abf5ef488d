import { styleText } from 'node:util';
import type { Arguments } from './arguments.ts';
import { hasFlag, lastFlag, parseArguments } from './arguments.ts';
import type { Client } from './client.ts';
import { ApiFailure, createClient } from './client.ts';
import type { Command } from './commands.ts';
import { allCommands, flagOf, itemFlagOf } from './commands.ts';
import { commandHelp, generalHelp, resourceHelp } from './help.ts';
import type { CliIo } from './io.ts';
import { UsageMistake } from './io.ts';
import { createOutput, formatOf } from './output.ts';
import { runOnce, runSwitches } from './run.ts';
import { findTarget } from './server-file.ts';
import { readBodyFromStdin } from './stdin.ts';
import { suggest } from './suggest.ts';
import { readFlags } from './values.ts';

const globalNames = [
  'base-url',
  'api-key',
  'data',
  'format',
  'transform',
  'debug',
  'help',
  'version',
  'raw-output',
];
const globalSwitches = ['debug', 'help', 'version', 'raw-output'];

/** A client of the API: every command comes from the route table. Resolves with the exit code. */
export async function runCli(argv: readonly string[], io: CliIo, version: string): Promise<number> {
  // A reader that went away (`| head`) is not an error.
  io.stdout.on('error', () => undefined);
  const commands = allCommands();
  try {
    const args = parseArguments(argv, isSwitch(commands, argv));
    return await dispatch(commands, args, io, version);
  } catch (cause) {
    if (!(cause instanceof ApiFailure) && !(cause instanceof UsageMistake)) throw cause;
    io.stderr.write(`${complaint(cause, io)}\n`);
    return cause instanceof UsageMistake ? 2 : 1;
  }
}

function isSwitch(commands: readonly Command[], argv: readonly string[]): (name: string) => boolean {
  const [resource, action] = argv.filter((argument) => !argument.startsWith('-'));
  const command = commands.find(
    (candidate) => candidate.resource === resource && candidate.action === action,
  );
  const booleans = [...(command?.body ?? []), ...(command?.query ?? [])]
    // `stringbool` is a string on the wire and a switch to the person who types.
    .filter(
      (field) => field.kind === 'boolean' || field.name === 'include_archived' || field.name === 'force',
    )
    .map((field) => flagOf(field.name));
  const known = new Set([...globalSwitches, ...booleans, ...(resource === 'run' ? runSwitches : [])]);
  return (name) => known.has(name);
}

function complaint(cause: ApiFailure | UsageMistake, io: CliIo): string {
  const prefix = io.stderr.isTTY && !io.env['NO_COLOR'] ? styleText('red', 'error') : 'error';
  if (cause instanceof UsageMistake) return `${prefix}: ${cause.message}`;
  const request = cause.requestId === null ? '' : ` (${cause.requestId})`;
  return `${prefix}: ${cause.status === 0 ? '' : `${cause.status} `}${cause.type}: ${cause.message}${request}`;
}

async function dispatch(
  commands: readonly Command[],
  args: Arguments,
  io: CliIo,
  version: string,
): Promise<number> {
  const [resource, action, ...words] = args.words;
  const wantsHelp = hasFlag(args.flags, 'help') || resource === 'help';
  if (hasFlag(args.flags, 'version')) return say(io, version);
  if (resource === undefined || resource === 'help') return say(io, generalHelp(commands));
  if (resource === 'run' && !wantsHelp) return await runOnce(args, io, connect(args, io));
  if (resource === 'run') return say(io, generalHelp(commands));
  const known = commands.filter((candidate) => candidate.resource === resource);
  if (known.length === 0)
    throw unknownWord('resource', resource, [
      ...new Set(commands.map((command) => command.resource)),
      'run',
      'up',
      'doctor',
    ]);
  if (action === undefined) return say(io, resourceHelp(commands, resource));
  const command = known.find((candidate) => candidate.action === action);
  if (!command)
    throw unknownWord(
      'action',
      action,
      known.map((candidate) => candidate.action),
    );
  if (wantsHelp) return say(io, commandHelp(command));
  return await call(command, { ...args, words }, io);
}

function say(io: CliIo, text: string): number {
  io.stdout.write(`${text}\n`);
  return 0;
}

function unknownWord(kind: string, word: string, known: readonly string[]): UsageMistake {
  const near = suggest(word, known);
  return new UsageMistake(
    `unknown ${kind} "${word}"${near ? `; did you mean "${near}"?` : `; known are ${known.join(', ')}`}`,
  );
}

function connect({ flags }: Arguments, io: CliIo): Client {
  const target = findTarget({
    baseUrl: lastFlag(flags, 'base-url'),
    apiKey: lastFlag(flags, 'api-key'),
    data: lastFlag(flags, 'data'),
    env: io.env,
  });
  const debug = hasFlag(flags, 'debug')
    ? (line: string) => void io.stderr.write(`${line}\n`)
    : () => undefined;
  return createClient({ target, debug });
}

async function call(command: Command, args: Arguments, io: CliIo): Promise<number> {
  const own = args.flags.filter((flag) => !globalNames.includes(flag.name));
  const given = readFlags(command, args.words, own);
  const format = formatOf(lastFlag(args.flags, 'format'));
  const output = createOutput({ io, format, transform: lastFlag(args.flags, 'transform') });
  const request = { ...given, route: command.route, body: await bodyOf(command, given.body, io) };
  const missing = command.ids.find((id) => !given.ids[id]);
  if (missing) throw new UsageMistake(`--${flagOf(missing)} is required`);
  const client = connect(args, io);
  if (command.route.streams) await follow(client.events({ ...request, signal: interruptSignal() }), output);
  else if (command.route.paging && format !== 'raw') {
    for await (const item of client.items(request)) output(item, 'item');
  } else output(await client.json(request), 'one');
  return 0;
}

/** Standard input first, flags over it. A body must exist, even if it is empty. */
async function bodyOf(
  command: Command,
  flags: Readonly<Record<string, unknown>>,
  io: CliIo,
): Promise<unknown> {
  if (command.route.body === null) return null;
  const isComplete =
    command.body.every((field) => !field.required || field.name in flags) && Object.keys(flags).length > 0;
  const piped = await readBodyFromStdin(io, isComplete);
  const body = { ...piped, ...flags };
  const missing = command.body.find((field) => field.required && body[field.name] === undefined);
  if (missing) throw new UsageMistake(`--${itemFlagOf(missing) ?? flagOf(missing.name)} is required`);
  return body;
}

function interruptSignal(): AbortSignal {
  const aborts = new AbortController();
  process.once('SIGINT', () => aborts.abort());
  return aborts.signal;
}

/** Until the server ends the stream or the user does. */
async function follow(
  events: AsyncIterable<unknown>,
  output: ReturnType<typeof createOutput>,
): Promise<void> {
  try {
    for await (const event of events) output(event, 'item');
  } catch (cause) {
    if (cause instanceof Error && cause.name === 'AbortError') return;
    throw cause;
  }
}
