import { fstatSync } from 'node:fs';
import type { CliIo } from './io.ts';
import { UsageMistake } from './io.ts';
import { yaml } from './values.ts';

/** A parent that left a socket open as our standard input is not waited for longer than this. */
const socketPatienceMs = 300;

/**
 * A body on standard input: YAML or JSON, from a pipe or a file only. `isComplete` says that the flags
 * alone would do: then an open socket (what Node gives its children) that stays silent counts as empty.
 */
export async function readBodyFromStdin(
  io: CliIo,
  isComplete: boolean,
): Promise<Record<string, unknown> | null> {
  const kind = stdinKind(io);
  if (kind === null) return null;
  const text = await readText(io.stdin, kind === 'socket' && isComplete ? socketPatienceMs : null);
  if (text.trim() === '') return null;
  const value = yaml(text, 'standard input');
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new UsageMistake('standard input must hold one YAML or JSON mapping');
  }
  return value as Record<string, unknown>;
}

function stdinKind(io: CliIo): 'file' | 'socket' | null {
  if (io.stdin.isTTY || io.stdin.fd === undefined) return null;
  try {
    const about = fstatSync(io.stdin.fd);
    if (about.isFIFO() || about.isFile()) return 'file';
    return about.isSocket() ? 'socket' : null;
  } catch {
    // Closed: there is no standard input.
    return null;
  }
}

async function readText(stdin: CliIo['stdin'], patienceMs: number | null): Promise<string> {
  const chunks: Buffer[] = [];
  const ended = new Promise<void>((resolve, reject) => {
    stdin.on('data', (chunk: Buffer) => chunks.push(Buffer.from(chunk)));
    stdin.once('end', resolve);
    stdin.once('error', reject);
  });
  if (patienceMs === null) await ended;
  else {
    const silent = new Promise<void>((resolve) => setTimeout(resolve, patienceMs));
    await Promise.race([ended, silent]);
    if (chunks.length > 0) await ended;
  }
  stdin.destroy();
  return Buffer.concat(chunks).toString('utf8');
}
