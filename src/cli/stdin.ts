import { fstatSync } from 'node:fs';
import { embedFiles } from './file-references.ts';
import type { CliIo } from './io.ts';
import { UsageMistake } from './io.ts';
import { yaml } from './values.ts';

/** How long an open standard input may stay silent when the flags alone would do. */
const patienceMs = 300;
/** The same when they would not: a parent that hands over a socket (Node does) may still be writing. */
const longPatienceMs = 2_000;

/**
 * A body on standard input: YAML or JSON, from a pipe or a file only. A parent may have left a pipe or a
 * socket open that nobody will ever write to, so silence is not waited for without end. The exception is a
 * pipe when the flags are not enough (`isComplete`): a slow program may be at its other end.
 */
export async function readBodyFromStdin(
  io: CliIo,
  isComplete: boolean,
): Promise<Record<string, unknown> | null> {
  const kind = stdinKind(io);
  if (kind === null) return null;
  const text = await readText(io, patienceFor(kind, isComplete));
  if (text.trim() === '') return null;
  const value = yaml(text, 'standard input');
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new UsageMistake('standard input must hold one YAML or JSON mapping');
  }
  return embedFiles(value, 'standard input') as Record<string, unknown>;
}

type StdinKind = 'file' | 'pipe' | 'socket';

function stdinKind(io: CliIo): StdinKind | null {
  if (io.stdin.isTTY || io.stdin.fd === undefined) return null;
  try {
    const about = fstatSync(io.stdin.fd);
    if (about.isFile()) return 'file';
    if (about.isFIFO()) return 'pipe';
    return about.isSocket() ? 'socket' : null;
  } catch {
    // Closed: there is no standard input.
    return null;
  }
}

function patienceFor(kind: StdinKind, isComplete: boolean): number | null {
  if (kind === 'file') return null;
  if (isComplete) return patienceMs;
  return kind === 'socket' ? longPatienceMs : null;
}

async function readText({ stdin, stderr }: CliIo, silenceMs: number | null): Promise<string> {
  const chunks: Buffer[] = [];
  const ended = new Promise<'ended'>((resolve, reject) => {
    stdin.on('data', (chunk: Buffer) => chunks.push(Buffer.from(chunk)));
    stdin.once('end', () => resolve('ended'));
    stdin.once('error', reject);
  });
  const silent = Promise.withResolvers<'silent'>();
  const timer = silenceMs === null ? undefined : setTimeout(() => silent.resolve('silent'), silenceMs);
  const first = await Promise.race([ended, silent.promise]);
  clearTimeout(timer);
  if (first === 'silent' && chunks.length === 0)
    stderr.write('note: nothing came on standard input; going on without it\n');
  else await ended;
  stdin.destroy();
  return Buffer.concat(chunks).toString('utf8');
}
