import type { Arguments } from './arguments.ts';
import { allFlags, hasFlag, lastFlag, parseArguments } from './arguments.ts';
import type { Client } from './client.ts';
import { ApiFailure, createClient } from './client.ts';
import type { Command, Short } from './commands.ts';
import { allCommands, flagOf, itemFlagOf } from './commands.ts';
import { saveDownload } from './download.ts';
import {
  commandFlagKind,
  globalFlagKind,
  killFlagKind,
  leadingWords,
  requestFlags,
  runFlagKind,
} from './flags.ts';
import { formOf } from './form.ts';
import { commandHelp, generalHelp, killHelp, resourceHelp, runHelp } from './help.ts';
import type { CliIo, OutStream, Paint } from './io.ts';
import { painter, UsageMistake } from './io.ts';
import { killSessions } from './kill.ts';
import type { Output } from './output.ts';
import { createOutput, formatOf } from './output.ts';
import { runOnce } from './run.ts';
import { findTarget } from './server-file.ts';
import { expanded, shortCommands } from './short-commands.ts';
import { readBodyFromStdin } from './stdin.ts';
import { suggest } from './suggest.ts';
import { listOf, tableOf } from './table.ts';
import { readFlags } from './values.ts';

/** A client of the API: every command comes from the route table. Resolves with the exit code. */
export async function runCli(argv: readonly string[], io: CliIo, version: string): Promise<number> {
  // A reader that went away (`| head`) is not an error, but nothing more need be asked for.
  const gone = new AbortController();
  const leave = () => gone.abort();
  for (const stream of [io.stdout, io.stderr]) stream.on('error', leave);
  try {
    return await dispatch(argv, { io, version, gone });
  } catch (cause) {
    if (gone.signal.aborted) return 0;
    if (!(cause instanceof UsageMistake)) throw cause;
    io.stderr.write(`${painter(io.stderr, io.env)('red', 'error')}: ${cause.message}\n`);
    return 1;
  }
}

type Session = { readonly io: CliIo; readonly version: string; readonly gone: AbortController };

async function dispatch(argv: readonly string[], session: Session): Promise<number> {
  const { io, version } = session;
  const commands = [...allCommands(), ...shortCommands()];
  const [resource, action] = leadingWords(argv);
  if (resource === 'help')
    return await dispatch([...argv.filter((word) => word !== 'help'), '--help'], session);
  if (resource === undefined) {
    const { flags } = parseArguments(argv, globalFlagKind());
    return say(io, hasFlag(flags, 'version') ? version : generalHelp(commands));
  }
  if (resource === 'run') {
    const args = parseArguments(argv, runFlagKind());
    if (hasFlag(args.flags, 'help')) return say(io, runHelp);
    return await reporting(args, io, () => runOnce(args, io, connect(args, session)));
  }
  if (resource === 'sessions' && action === 'kill') {
    const args = parseArguments(argv, killFlagKind());
    if (hasFlag(args.flags, 'help')) return say(io, killHelp);
    return await reporting(args, io, () => killSessions(args, io, connect(args, session)));
  }
  const known = commands.filter((candidate) => candidate.resource === resource);
  const below = commands.filter((candidate) => candidate.resource.startsWith(`${resource}:`));
  if (known.length === 0 && below.length === 0)
    throw unknownWord('resource', resource, [
      ...commands.map((command) => command.resource),
      'run',
      'up',
      'doctor',
      'rotate-key',
      'worker',
    ]);
  if (action === undefined) return say(io, resourceHelp([...known, ...below]));
  const command = known.find((candidate) => candidate.action === action);
  if (!command)
    throw unknownWord(
      'action',
      action,
      known.map((candidate) => candidate.action),
    );
  const args = parseArguments(argv, commandFlagKind(command));
  if (hasFlag(args.flags, 'help')) return say(io, commandHelp(command));
  return await reporting(args, io, () => call(command, { ...args, words: args.words.slice(2) }, session));
}

function say(io: CliIo, text: string): number {
  io.stdout.write(`${text}\n`);
  return 0;
}

function unknownWord(kind: string, word: string, known: readonly string[]): UsageMistake {
  const words = [...new Set(known)];
  const near = suggest(word, words);
  return new UsageMistake(
    `unknown ${kind} "${word}"${near ? `; did you mean "${near}"?` : `; known are ${words.join(', ')}`}`,
  );
}

/** What the server refused, on standard error: a sentence, or the error itself with `--format-error`. */
async function reporting({ flags }: Arguments, io: CliIo, work: () => Promise<number>): Promise<number> {
  try {
    return await work();
  } catch (cause) {
    if (!(cause instanceof ApiFailure)) throw cause;
    if (hasFlag(flags, 'format-error') || hasFlag(flags, 'transform-error')) {
      outputOf({ flags, stream: io.stderr, env: io.env, suffix: '-error' })(cause.body, 'one');
      return 1;
    }
    const status = cause.status === 0 ? '' : `${cause.status} `;
    const request = cause.requestId === null ? '' : ` (${cause.requestId})`;
    const error = painter(io.stderr, io.env)('red', 'error');
    io.stderr.write(`${error}: ${status}${cause.type}: ${cause.message}${request}\n`);
    return 1;
  }
}

type OutputFlags = {
  readonly flags: Arguments['flags'];
  readonly stream: OutStream;
  readonly env: CliIo['env'];
  readonly suffix: '' | '-error';
};

function outputOf({ flags, stream, env, suffix }: OutputFlags): Output {
  return createOutput({
    stream,
    env,
    format: formatOf(lastFlag(flags, `format${suffix}`), `format${suffix}`),
    transform: lastFlag(flags, `transform${suffix}`),
    isRaw: suffix === '' && hasFlag(flags, 'raw-output'),
  });
}

function connect({ flags }: Arguments, { io, gone }: Session): Client {
  const target = findTarget({
    baseUrl: lastFlag(flags, 'base-url'),
    apiKey: lastFlag(flags, 'api-key'),
    data: lastFlag(flags, 'data'),
    env: io.env,
  });
  const debug = hasFlag(flags, 'debug')
    ? (line: string) => void io.stderr.write(`${line}\n`)
    : () => undefined;
  const betas = allFlags(flags, 'beta');
  const workspaceId = lastFlag(flags, 'workspace');
  return createClient({ target, debug, betas, workspaceId, signal: gone.signal });
}

async function call(command: Command, typed: Arguments, session: Session): Promise<number> {
  const { io } = session;
  const args = expanded(command, typed);
  const printed = command.short && isForPeople(args.flags) ? command.short : null;
  const output = outputOf({ flags: args.flags, stream: io.stdout, env: io.env, suffix: '' });
  const most = maxItems(args);
  const names = requestFlags(command);
  const own = args.flags.filter(({ name }) => names.has(name) || names.has(name.split('.')[0] ?? ''));
  const given = readFlags(command, args.words, own);
  const missing = command.ids.find((id) => !given.ids[id]);
  if (missing) throw new UsageMistake(`--${flagOf(missing)} is required`);
  const client = connect(args, session);
  const { route } = command;
  const request = { ...given, route, body: await bodyOf(command, given.body, io) };
  if (route.downloads) await saveDownload(await client.download(request), lastFlag(args.flags, 'output'), io);
  else if (route.streams) await follow(() => client.events(request), { output, most, gone: session.gone });
  else if (route.paging && lastFlag(args.flags, 'format') !== 'raw') {
    const items = client.items(request);
    if (printed) await printTable(items, printed, { io, most });
    else await printItems(items, output, most);
  } else {
    const answer = await client.json(request);
    if (printed) say(io, shown(answer, printed, painter(io.stdout, io.env)));
    else output(answer, 'one');
  }
  return 0;
}

function shown(answer: Readonly<Record<string, unknown>>, { columns, rows }: Short, paint: Paint): string {
  return rows ? tableOf(rows(answer), columns, paint) : listOf(answer, columns, paint);
}

/** Whoever asks for a format is a program, or wants to see what one would. */
function isForPeople(flags: Arguments['flags']): boolean {
  return !flags.some(({ name }) => ['format', 'transform', 'raw-output'].includes(name));
}

async function printTable(
  items: AsyncIterable<Readonly<Record<string, unknown>>>,
  { columns, rows = (item) => [item] }: Short,
  { io, most }: { readonly io: CliIo; readonly most: number },
): Promise<void> {
  const shown: unknown[] = [];
  await printItems(items, (item) => shown.push(item), most);
  const all = shown.flatMap((item) => rows(item as Readonly<Record<string, unknown>>));
  if (all.length === 0) io.stderr.write('nothing\n');
  else say(io, tableOf(all, columns, painter(io.stdout, io.env)));
}

/** Of lists and streams; -1 and nothing mean no limit. */
function maxItems({ flags }: Arguments): number {
  const text = lastFlag(flags, 'max-items') ?? '-1';
  const count = /^(-1|\d+)$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isNaN(count)) throw new UsageMistake(`--max-items: "${text}" is not a number of items`);
  return count === -1 ? Number.POSITIVE_INFINITY : count;
}

/** Standard input first, flags over it. A body must exist, even if it is empty. */
async function bodyOf(
  command: Command,
  flags: Readonly<Record<string, unknown>>,
  io: CliIo,
): Promise<unknown> {
  const { route } = command;
  if (route.body === null && route.form === null) return null;
  const isComplete =
    command.body.every((field) => !field.required || field.name in flags) && Object.keys(flags).length > 0;
  const piped = route.form ? null : await readBodyFromStdin(io, isComplete);
  const body = { ...piped, ...flags };
  const missing = command.body.find((field) => field.required && body[field.name] === undefined);
  if (missing) {
    const help = `anthill ${command.resource} ${command.action} --help`;
    const elsewhere = route.form ? '' : ', as a flag or in a body on standard input';
    throw new UsageMistake(
      `--${itemFlagOf(missing) ?? flagOf(missing.name)} is required${elsewhere} (see ${help})`,
    );
  }
  return route.form ? await formOf(route.form, command.body, body) : body;
}

async function printItems(items: AsyncIterable<unknown>, output: Output, most: number): Promise<void> {
  if (most === 0) return;
  let count = 0;
  for await (const item of items) {
    output(item, 'item');
    count++;
    if (count >= most) return;
  }
}

type Following = { readonly output: Output; readonly most: number; readonly gone: AbortController };

/** Until the server ends the stream, the user does, or the reader goes away. */
async function follow(
  open: () => Promise<AsyncIterable<unknown>>,
  { output, most, gone }: Following,
): Promise<void> {
  const leave = () => gone.abort();
  process.once('SIGINT', leave);
  try {
    await printItems(await open(), output, most);
  } finally {
    process.off('SIGINT', leave);
  }
}
