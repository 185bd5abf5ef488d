import type { FlagKind } from './arguments.ts';
import type { Command } from './commands.ts';
import { flagOf, itemFlagOf } from './commands.ts';
import { UsageMistake } from './io.ts';
import { suggest } from './suggest.ts';

type Kinds = ReadonlyMap<string, 'switch' | 'value'>;

/** Flags that every command takes. */
const globalKinds: Kinds = new Map([
  ['base-url', 'value'],
  ['api-key', 'value'],
  ['data', 'value'],
  ['workspace', 'value'],
  ['format', 'value'],
  ['format-error', 'value'],
  ['transform', 'value'],
  ['transform-error', 'value'],
  ['raw-output', 'switch'],
  ['debug', 'switch'],
  ['help', 'switch'],
  ['version', 'switch'],
] as const);

/** `anthill run` is no route, its flags are written here. */
const runKinds: Kinds = new Map([
  ['model', 'value'],
  ['system', 'value'],
  ['tool', 'value'],
  ['agent', 'value'],
  ['environment-id', 'value'],
  ['session-id', 'value'],
  ['keep', 'switch'],
  ['json', 'switch'],
  ['yes', 'switch'],
] as const);

/** Nor is `anthill sessions kill`. */
const killKinds: Kinds = new Map([
  ['all', 'switch'],
  ['agent', 'value'],
  ['archive', 'switch'],
] as const);

/** Names that the request of a command takes; they hide a global flag of the same name, as `--version` of an agent. */
export function requestFlags(command: Command): Kinds {
  const ids = command.ids.map((id) => [flagOf(id), 'value'] as const);
  const fields = [...command.body, ...command.query].flatMap((field) => {
    // `flag` is a string on the wire, as everything is in a query, and a switch to the person who types.
    const isSwitch = field.kind === 'boolean' || field.choices.join() === 'true,false';
    const kind = isSwitch ? 'switch' : 'value';
    const item = itemFlagOf(field);
    return [flagOf(field.name), ...(item === null ? [] : [item])].map((name) => [name, kind] as const);
  });
  return new Map([...ids, ...fields]);
}

/** Flags of the command line itself: how often, with which beta value, where to; and those of a short command. */
function commandFlags({ route, short }: Command): Kinds {
  const many = route.paging !== null || route.streams;
  const own = Object.entries(short?.flags ?? {}).map(([name, { kind }]) => [name, kind] as const);
  return new Map([
    ['beta', 'value'] as const,
    ...(many ? [['max-items', 'value'] as const] : []),
    ...(route.downloads ? [['output', 'value'] as const] : []),
    ...own,
  ]);
}

export function globalFlagKind(): FlagKind {
  return kindIn(globalKinds, 'anthill --help');
}

export function runFlagKind(): FlagKind {
  return kindIn(new Map([...globalKinds, ...runKinds]), 'anthill run --help');
}

export function killFlagKind(): FlagKind {
  return kindIn(new Map([...globalKinds, ...killKinds]), 'anthill sessions kill --help');
}

export function commandFlagKind(command: Command): FlagKind {
  const kinds = new Map([...globalKinds, ...commandFlags(command), ...requestFlags(command)]);
  return kindIn(kinds, `anthill ${command.resource} ${command.action} --help`);
}

function kindIn(kinds: Kinds, help: string): FlagKind {
  return (name) => {
    // `--config.type` is a member of what `--config` sets.
    const [base = ''] = name.split('.');
    const kind = kinds.get(name) ?? (base === name ? undefined : kinds.get(base));
    if (kind !== undefined) return kind;
    const near = suggest(name, [...kinds.keys()]);
    throw new UsageMistake(
      `unknown flag --${name}${near === null ? '' : `; did you mean --${near}?`} (see ${help})`,
    );
  };
}

/** The first two words of a command line: what it is about. Flags of every command may stand before them. */
export function leadingWords(argv: readonly string[]): readonly string[] {
  const words: string[] = [];
  for (let at = 0; at < argv.length && words.length < 2; at++) {
    const argument = argv[at] ?? '';
    if (!argument.startsWith('-')) words.push(argument);
    else if (globalKinds.get(argument.slice(2)) === 'value') at++;
  }
  return words;
}
