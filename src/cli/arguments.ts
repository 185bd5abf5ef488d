import { UsageMistake } from './io.ts';

/** A command line taken apart: words in order, flags with their values in order. */
export type Arguments = {
  readonly words: readonly string[];
  readonly flags: readonly Flag[];
};
/** A switch that stands alone has no value. */
export type Flag = { readonly name: string; readonly value: string | null };

/** What a flag of this name is. May refuse an unknown one. */
export type FlagKind = (name: string) => 'switch' | 'value';

const shorts: Readonly<Record<string, string>> = { '-h': 'help', '-v': 'version', '-r': 'raw-output' };

/**
 * `--name value`, `--name=value` and bare `--name` for switches. A value that begins with `--` must be
 * given with `=`; after `--` everything is a word.
 */
export function parseArguments(argv: readonly string[], kindOf: FlagKind): Arguments {
  const words: string[] = [];
  const flags: Flag[] = [];
  for (let at = 0; at < argv.length; at++) {
    const argument = argv[at] ?? '';
    if (argument === '--') {
      words.push(...argv.slice(at + 1));
      break;
    }
    const text = shorts[argument] ?? (argument.startsWith('--') ? argument.slice(2) : null);
    if (text === null) {
      words.push(argument);
      continue;
    }
    const equals = text.indexOf('=');
    const name = equals === -1 ? text : text.slice(0, equals);
    const kind = kindOf(name);
    const next = argv[at + 1];
    if (equals !== -1) flags.push({ name, value: text.slice(equals + 1) });
    else if (kind === 'switch')
      flags.push({ name, value: next === 'true' || next === 'false' ? (argv[++at] ?? null) : null });
    else if (next === undefined || next.startsWith('--')) throw new UsageMistake(`--${name} needs a value`);
    else flags.push({ name, value: argv[++at] ?? null });
  }
  return { words, flags };
}

/** The last value given for a flag, or null. */
export function lastFlag(flags: readonly Flag[], name: string): string | null {
  return flags.findLast((flag) => flag.name === name)?.value ?? null;
}

/** Every value given for a flag. */
export function allFlags(flags: readonly Flag[], name: string): readonly string[] {
  return flags.flatMap((flag) => (flag.name === name && flag.value !== null ? [flag.value] : []));
}

export function hasFlag(flags: readonly Flag[], name: string): boolean {
  return flags.some((flag) => flag.name === name && flag.value !== 'false');
}
