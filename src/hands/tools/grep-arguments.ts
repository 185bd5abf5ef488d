import type { ToolInput } from './input.ts';
import { numberOf, pathOf, textOf } from './input.ts';

/** What searches: ripgrep, or grep with the regular expressions it knows. */
export type GrepDialect = 'ripgrep' | 'perl' | 'extended';

export function grepArguments(input: ToolInput, dialect: GrepDialect): string[] {
  return dialect === 'ripgrep' ? ripgrep(input) : plainGrep(input, dialect);
}

/** grep matches across lines by taking a file for one line: its matches end with NUL. */
export function isCutAtNul(input: ToolInput, dialect: GrepDialect): boolean {
  return dialect !== 'ripgrep' && input['multiline'] === true && modeOf(input) === 'content';
}

/** The reference runner answers with lines, so that is what an absent output_mode means. */
function modeOf(input: ToolInput): string {
  return textOf(input, 'output_mode') ?? 'content';
}

function common(input: ToolInput): string[] {
  const ignoreCase = input['-i'] === true ? ['-i'] : [];
  if (modeOf(input) === 'files_with_matches') return ['-l', ...ignoreCase];
  if (modeOf(input) === 'count') return ['-c', ...ignoreCase];
  const around = numberOf(input, '-C') ?? numberOf(input, 'context') ?? 0;
  // Never with 0: grep then still draws a line between matches that are apart.
  const context = (['-A', '-B'] as const).flatMap((flag) => {
    const lines = numberOf(input, flag) ?? around;
    return lines > 0 ? [flag, String(lines)] : [];
  });
  return [...ignoreCase, ...(input['-n'] === false ? [] : ['-n']), ...context];
}

function target(input: ToolInput): string[] {
  const root = pathOf(textOf(input, 'path') ?? '.').replace(/\/\.$/, '');
  return ['-e', textOf(input, 'pattern') ?? '', '--', root];
}

function ripgrep(input: ToolInput): string[] {
  const glob = textOf(input, 'glob');
  const type = textOf(input, 'type');
  return [
    ...['rg', '--no-config', '--color=never', '--no-heading', '--with-filename', '--hidden', '--sort=path'],
    ...['--glob=!.git', '--glob=!node_modules'],
    ...common(input),
    ...(input['-n'] === false ? ['-N'] : []),
    ...(glob ? [`--glob=${glob}`] : []),
    ...(type ? [`--type=${type}`] : []),
    ...(input['multiline'] === true ? ['-U', '--multiline-dotall'] : []),
    ...target(input),
  ];
}

function plainGrep(input: ToolInput, dialect: GrepDialect): string[] {
  const fixed = ['-r', '-I', '-H', '-D', 'skip', '--color=never'];
  const glob = textOf(input, 'glob');
  const type = textOf(input, 'type');
  // Of several --include one is enough for grep, so the glob, which says more, stands alone.
  const included = glob
    ? alternatives(glob.slice(glob.lastIndexOf('/') + 1))
    : (type ? (extensions[type] ?? [type]) : []).map((extension) => `*.${extension}`);
  const flags = common(input).filter((flag) => flag !== '-n' || !isCutAtNul(input, dialect));
  return [
    ...['grep', ...fixed, '--exclude-dir=.git', '--exclude-dir=node_modules'],
    dialect === 'perl' ? '-P' : '-E',
    ...flags,
    ...included.map((pattern) => `--include=${pattern}`),
    ...(input['multiline'] === true ? ['-z'] : []),
    ...(isCutAtNul(input, dialect) ? ['-o'] : []),
    ...target(input),
  ];
}

/** `*.{ts,tsx}`: grep knows no braces. Nested ones stay as they are and match nothing. */
function alternatives(glob: string): string[] {
  const [, before = '', inside, after = ''] = /^([^{]*)\{([^{}]*)\}(.*)$/.exec(glob) ?? [];
  return inside === undefined ? [glob] : inside.split(',').map((one) => `${before}${one}${after}`);
}

/** grep knows no types; any other stands for the extension of the same name. */
const extensions: Readonly<Record<string, readonly string[]>> = {
  cpp: ['cpp', 'cc', 'cxx', 'hpp', 'hh', 'hxx', 'h'],
  js: ['js', 'jsx', 'mjs', 'cjs'],
  markdown: ['md', 'markdown'],
  python: ['py', 'pyi'],
  py: ['py', 'pyi'],
  ruby: ['rb'],
  rust: ['rs'],
  sh: ['sh', 'bash'],
  ts: ['ts', 'tsx', 'mts', 'cts'],
  yaml: ['yaml', 'yml'],
};
