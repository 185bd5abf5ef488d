import type { ToolOutcome } from '../../domain/hands.ts';
import { globPathsMax, globScannedFilesMax, grepOutputBytesMax, grepTimeoutMs } from '../../domain/limits.ts';
import type { Sandbox } from '../../domain/sandbox.ts';
import { collect, supervisorPath } from '../supervisor/sandbox.ts';
import type { GrepDialect } from './grep-arguments.ts';
import { grepArguments, isCutAtNul } from './grep-arguments.ts';
import type { ToolInput } from './input.ts';
import { numberOf, pathOf, textOf } from './input.ts';
import { readLines } from './lines.ts';
import { decode, failed, said } from './outcome.ts';

/**
 * glob and grep. All matching happens inside the sandbox: patterns and names are the model's and the
 * agent's, and whatever time they take must not be the server's.
 */
export type Search = {
  glob(input: ToolInput, signal: AbortSignal): Promise<ToolOutcome>;
  grep(input: ToolInput, signal: AbortSignal): Promise<ToolOutcome>;
};

export function createSearch(sandbox: Sandbox): Search {
  let dialect: Promise<GrepDialect> | null = null;
  return {
    glob: (input, signal) => glob(sandbox, input, signal),
    async grep(input, signal) {
      const root = pathOf(textOf(input, 'path') ?? '.');
      const { kind } = await sandbox.readFile(root, 0);
      // A pipe or a device as a starting point would be read until the time is over.
      if (kind === 'other') return failed(`grep: ${root} is not a regular file or directory`);
      dialect ??= dialectOf(sandbox);
      return await grep(sandbox, { input, signal, dialect: await dialect });
    },
  };
}

const dialectProbe = 'command -v rg >/dev/null && exit 0; echo a | grep -qP "\\w" && exit 3; exit 4';

async function dialectOf(sandbox: Sandbox): Promise<GrepDialect> {
  const probe = sandbox.exec({ argv: ['/bin/sh', '-c', dialectProbe], onStdout() {}, onStderr() {} });
  probe.endInput();
  const { code } = await probe.exited;
  if (code === 0) return 'ripgrep';
  return code === 3 ? 'perl' : 'extended';
}

async function glob(sandbox: Sandbox, input: ToolInput, signal: AbortSignal): Promise<ToolOutcome> {
  const pattern = textOf(input, 'pattern') ?? '';
  if (pattern.startsWith('/'))
    return failed('glob: absolute pattern not permitted; pass a relative pattern (and optionally path)');
  if (pattern.split(/[/{},]/).includes('..')) return failed('glob: ".." is not permitted in the pattern');
  const root = pathOf(textOf(input, 'path') ?? '.').replace(/\/+\.?$/, '') || '/';
  const bounds = [globScannedFilesMax, globPathsMax].map(String);
  const argv = [supervisorPath, 'glob', root, pattern, ...bounds];
  const paths = decode(await collect(sandbox.exec, argv, { signal })).split('\0');
  paths.pop();
  return said(paths.length === 0 ? 'no matches' : paths.join('\n'));
}

type GrepCall = {
  readonly input: ToolInput;
  readonly signal: AbortSignal;
  readonly dialect: GrepDialect;
};

async function grep(sandbox: Sandbox, { input, signal, dialect }: GrepCall): Promise<ToolOutcome> {
  const lines: string[] = [];
  const skipped = numberOf(input, 'offset') ?? 0;
  const wanted = numberOf(input, 'head_limit') || Number.POSITIVE_INFINITY;
  const isCount = textOf(input, 'output_mode') === 'count';
  let room = grepOutputBytesMax;
  let seen = 0;

  /** False when there is enough. */
  function take(line: string): boolean {
    if (room < 0 || lines.length >= wanted) return false;
    // grep -c names every file it looked into.
    if (line === '' || (isCount && line.endsWith(':0'))) return true;
    if (seen++ < skipped) return true;
    room -= Buffer.byteLength(line) + 1;
    if (room >= 0) lines.push(line);
    return room >= 0 && lines.length < wanted;
  }

  const limit = AbortSignal.any([signal, AbortSignal.timeout(grepTimeoutMs)]);
  const separator = isCutAtNul(input, dialect) ? 0 : 10;
  const argv = grepArguments(input, dialect);
  const { code, complaint } = await runGrep(sandbox, argv, {
    limit,
    onOutput: (stop) => readLines(separator, (line) => take(line) || stop()),
  });
  if (signal.aborted) return failed('grep: aborted');
  if (room < 0) lines.push(`[output truncated at ${grepOutputBytesMax} bytes]`);
  if (limit.aborted && lines.length === 0) return failed(`grep: timed out after ${grepTimeoutMs / 1000}s`);
  if (limit.aborted) lines.push(`[the search was cut short after ${grepTimeoutMs} ms]`);
  // 2 is also what one unreadable file among many makes of it: then what was found counts.
  if (lines.length === 0 && code !== null && code > 1) return failed(`grep: ${complaint}`);
  return said(lines.length === 0 ? 'no matches' : lines.join('\n'));
}

type GrepRun = {
  readonly limit: AbortSignal;
  /** Takes the output; calls `stop` when it has enough. */
  readonly onOutput: (stop: () => void) => (bytes: Uint8Array) => void;
};

async function runGrep(
  sandbox: Sandbox,
  argv: readonly string[],
  { limit, onOutput }: GrepRun,
): Promise<{ readonly code: number | null; readonly complaint: string }> {
  let complaint = '';
  const stop = () => running.kill('SIGKILL');
  const running = sandbox.exec({
    argv,
    onStdout: onOutput(stop),
    onStderr(bytes) {
      complaint = (complaint + decode(bytes)).slice(0, 2_000);
    },
  });
  running.endInput();
  if (limit.aborted) stop();
  limit.addEventListener('abort', stop, { once: true });
  const { code } = await running.exited;
  limit.removeEventListener('abort', stop);
  return { code, complaint: complaint.trim().replace(/^(grep|rg): /, '') || 'the search ended early' };
}
