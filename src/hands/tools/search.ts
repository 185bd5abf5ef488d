import { matchesGlob } from 'node:path';
import type { ToolOutcome } from '../../domain/hands.ts';
import {
  globPathsMax,
  globScannedFilesMax,
  grepLineCharactersMax,
  grepOutputBytesMax,
  grepTimeoutMs,
} from '../../domain/limits.ts';
import type { Sandbox } from '../../domain/sandbox.ts';
import { collect, supervisorPath } from '../supervisor/sandbox.ts';
import type { ToolInput } from './input.ts';
import { numberOf, pathOf, textOf } from './input.ts';
import { decode, failed, said } from './outcome.ts';

/** glob and grep. Listing and matching lines happen inside the sandbox, pattern logic here. */
export type Search = {
  glob(input: ToolInput): Promise<ToolOutcome>;
  grep(input: ToolInput, signal: AbortSignal): Promise<ToolOutcome>;
};

export function createSearch(sandbox: Sandbox): Search {
  let ripgrep: Promise<boolean> | null = null;
  return {
    glob: (input) => glob(sandbox, input),
    async grep(input, signal) {
      ripgrep ??= hasRipgrep(sandbox);
      return await grep(sandbox, (await ripgrep) ? ripgrepArguments(input) : grepArguments(input), {
        input,
        signal,
      });
    },
  };
}

async function hasRipgrep(sandbox: Sandbox): Promise<boolean> {
  const process = sandbox.exec({ argv: ['/bin/sh', '-c', 'command -v rg'], onStdout() {}, onStderr() {} });
  process.endInput();
  return (await process.exited).code === 0;
}

async function glob(sandbox: Sandbox, input: ToolInput): Promise<ToolOutcome> {
  const pattern = textOf(input, 'pattern') ?? '';
  const root = pathOf(textOf(input, 'path') ?? '.').replace(/\/\.?$/, '') || '/';
  const listing = await collect(
    sandbox.exec,
    [supervisorPath, 'list', root, String(globScannedFilesMax)],
    null,
  );
  const prefix = root === '/' ? '/' : `${root}/`;
  const found = decode(listing)
    .split('\0')
    .filter((line) => line !== '')
    .map((line) => ({ changedNs: line.slice(0, line.indexOf(' ')), path: line.slice(line.indexOf(' ') + 1) }))
    .filter(({ path }) => matchesGlob(pattern.startsWith('/') ? path : path.slice(prefix.length), pattern))
    .sort((a, b) => (BigInt(a.changedNs) < BigInt(b.changedNs) ? 1 : -1))
    .slice(0, globPathsMax);
  return said(found.length === 0 ? 'no matches' : found.map(({ path }) => path).join('\n'));
}

type GrepCall = { readonly input: ToolInput; readonly signal: AbortSignal };

async function grep(
  sandbox: Sandbox,
  argv: readonly string[],
  { input, signal }: GrepCall,
): Promise<ToolOutcome> {
  const limits = AbortSignal.any([signal, AbortSignal.timeout(grepTimeoutMs)]);
  const { code, output, complaint } = await runGrep(sandbox, argv, limits);
  if (limits.aborted) return failed(`grep: stopped after at most ${grepTimeoutMs} ms`);
  // 1 is "no match"; grep -c names every file it looked into.
  if (code !== 0 && code !== 1) return failed(`grep: ${complaint.trim() || 'the search ended early'}`);
  const lines = output
    .split('\n')
    .filter((line) => line !== '' && line.length <= grepLineCharactersMax)
    .filter((line) => input['output_mode'] !== 'count' || !line.endsWith(':0'));
  const offset = numberOf(input, 'offset') ?? 0;
  const shown = lines.slice(offset, offset + (numberOf(input, 'head_limit') || lines.length));
  return said(shown.length === 0 ? 'no matches' : shown.join('\n'));
}

type GrepRun = { readonly code: number | null; readonly output: string; readonly complaint: string };

async function runGrep(sandbox: Sandbox, argv: readonly string[], signal: AbortSignal): Promise<GrepRun> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  let complaint = '';
  const process = sandbox.exec({
    argv,
    onStdout(bytes) {
      if (sizeBytes < grepOutputBytesMax) chunks.push(Buffer.from(bytes));
      else process.kill('SIGKILL');
      sizeBytes += bytes.length;
    },
    onStderr(bytes) {
      complaint = (complaint + decode(bytes)).slice(0, 2_000);
    },
  });
  process.endInput();
  const stop = () => process.kill('SIGKILL');
  signal.addEventListener('abort', stop, { once: true });
  const { code } = await process.exited;
  signal.removeEventListener('abort', stop);
  const output = decode(Buffer.concat(chunks).subarray(0, grepOutputBytesMax));
  // Stopped because enough was found: what is there is the answer, but for its last, cut line.
  if (sizeBytes > grepOutputBytesMax)
    return { code: 0, output: output.slice(0, output.lastIndexOf('\n') + 1), complaint };
  return { code, output, complaint };
}

/** The reference runner answers with lines, so that is what an absent output_mode means. */
function modeFlag(input: ToolInput): string {
  const mode = textOf(input, 'output_mode') ?? 'content';
  if (mode === 'files_with_matches') return '-l';
  return mode === 'count' ? '-c' : '-n';
}

function common(input: ToolInput): string[] {
  const around = numberOf(input, '-C') ?? numberOf(input, 'context') ?? 0;
  const content = modeFlag(input) === '-n';
  return [
    modeFlag(input),
    ...(input['-i'] === true ? ['-i'] : []),
    ...(content
      ? ['-A', String(numberOf(input, '-A') ?? around), '-B', String(numberOf(input, '-B') ?? around)]
      : []),
  ];
}

function target(input: ToolInput): string[] {
  const root = pathOf(textOf(input, 'path') ?? '.').replace(/\/\.$/, '');
  return ['-e', textOf(input, 'pattern') ?? '', '--', root];
}

function ripgrepArguments(input: ToolInput): string[] {
  const glob = textOf(input, 'glob');
  const type = textOf(input, 'type');
  const fixed = [
    '--no-config',
    '--color=never',
    '--no-heading',
    '--with-filename',
    '--hidden',
    '--sort=path',
  ];
  return [
    ...['rg', ...fixed, '--glob=!.git', '--glob=!node_modules'],
    ...common(input),
    ...(glob ? [`--glob=${glob}`] : []),
    ...(type ? [`--type=${type}`] : []),
    ...(input['multiline'] === true ? ['-U', '--multiline-dotall'] : []),
    ...target(input),
  ];
}

/** grep knows no types: the type stands for the extension of the same name. */
function grepArguments(input: ToolInput): string[] {
  const glob = textOf(input, 'glob');
  const type = textOf(input, 'type');
  return [
    ...['grep', '-r', '-E', '-I', '-H', '--color=never', '--exclude-dir=.git', '--exclude-dir=node_modules'],
    ...common(input),
    ...(glob ? [`--include=${glob.slice(glob.lastIndexOf('/') + 1)}`] : []),
    ...(type ? [`--include=*.${type}`] : []),
    ...(input['multiline'] === true ? ['-z'] : []),
    ...target(input),
  ];
}
