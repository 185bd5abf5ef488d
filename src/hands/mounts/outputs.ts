import type { FileHandle } from 'node:fs/promises';
import type { Clock } from '../../base/clock.ts';
import type { NewId, SessionId } from '../../base/ids.ts';
import type { Blobs } from '../../domain/blobs.ts';
import { outputFileBytesMax, outputTreeLimits } from '../../domain/limits.ts';
import type { KnownOutput, OutputSeen, SessionOutputs } from '../../domain/session-outputs.ts';
import { outputFile, outputProblem } from '../../domain/session-outputs.ts';
import { openRegular, scanTree } from './agent-tree.ts';

export type OutputSources = {
  readonly sessionOutputs: SessionOutputs;
  readonly blobs: Blobs;
  readonly clock: Clock;
  readonly newId: NewId;
};

/** Sentences for the agent about what is not handed over. */
export type CaptureOutputs = (sessionId: SessionId, root: string) => Promise<readonly string[]>;

const place = '/mnt/session/outputs';
const readBytes = 256 * 1024;
const capturesAtOnce = 16;
const notedAtOnce = 64;
/** Looked at after one call, of what cannot be handed over. */
const refusedAtOnceMax = 1_000;

/**
 * Makes files of the session of what is new or changed in a directory that its agent can change at any moment.
 * Regular files alone; what is written to while it is read is read again the next time. A file that is gone from
 * the directory was handed over, and stays.
 */
export function createOutputCapture(sources: OutputSources): CaptureOutputs {
  const { sessionOutputs } = sources;
  return async (sessionId, root) => {
    const tree = await scanTree(root, outputTreeLimits);
    const files = tree?.entries.filter(({ isRegular }) => isRegular) ?? [];
    if (tree === null || files.length === 0) return [];
    const known = new Map(await sessionOutputs.known(sessionId));
    const notes: string[] = [];
    const candidates: Candidate[] = [];
    const refused: OutputSeen[] = [];
    const refuse = (seen: OutputSeen, problem: string) => {
      notes.push(`${place}/${seen.path}: not handed over: ${problem}`);
      refused.push(seen);
    };
    for (const entry of files) {
      // The rest has its turn after the next call.
      if (refused.length === refusedAtOnceMax) break;
      const path = entry.path ?? entry.raw.toString();
      const before = known.get(path);
      if (before?.signature === entry.signature) continue;
      const seen = { sessionId, path, signature: entry.signature, bytes: entry.sizeBytes };
      const problem = entry.path === null ? 'its name is not valid UTF-8' : outputProblem(seen, known);
      // It counts from now on.
      if (problem === null) known.set(path, { ...seen, sha256: '', fileId: null });
      if (problem === null) candidates.push({ root, raw: entry.raw, seen, before });
      else refuse(seen, problem);
    }
    for (let at = 0; at < candidates.length; at += capturesAtOnce) {
      const batch = candidates.slice(at, at + capturesAtOnce);
      await Promise.all(
        batch.map(async (candidate) => {
          const isTaken = await capture(sources, candidate);
          if (!isTaken) refuse(candidate.seen, 'it grew too large while it was read');
        }),
      );
    }
    // Together: one commit after the other would take an agent's thousands of files a minute.
    for (let at = 0; at < refused.length; at += notedAtOnce) {
      await Promise.all(refused.slice(at, at + notedAtOnce).map((seen) => sessionOutputs.note(seen, null)));
    }
    if ((!tree.isWhole || refused.length >= refusedAtOnceMax) && notes.length > 0) {
      notes.push(`${place}: there is too much in it; not all of it was looked at`);
    }
    return notes;
  };
}

type Candidate = {
  readonly root: string;
  readonly raw: Buffer;
  readonly seen: OutputSeen;
  readonly before: KnownOutput | undefined;
};

/** False: it has become too large. */
async function capture(
  { sessionOutputs, blobs, clock, newId }: OutputSources,
  { root, raw, seen, before }: Candidate,
): Promise<boolean> {
  const file = await openRegular(root, raw);
  // Gone meanwhile, or something else.
  if (file === null) return true;
  const staged = await blobs
    .stage(contentOf(file))
    .catch((cause: unknown) => {
      if (cause instanceof TooLarge) return null;
      throw cause;
    })
    .finally(() => file.close());
  if (staged === null) return false;
  try {
    const { sha256, bytes } = staged;
    const output = { ...seen, bytes };
    // The file of an output that a client deleted is made again.
    if (before?.sha256 === sha256 && before.fileId !== null) await sessionOutputs.note(output, sha256);
    else await sessionOutputs.keep(output, outputFile(output, newId('file'), clock.nowUs()), staged);
    return true;
  } finally {
    await blobs.discard(staged);
  }
}

class TooLarge extends Error {}

async function* contentOf(file: FileHandle): AsyncGenerator<Uint8Array> {
  for (let length = 0; ; ) {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(readBytes), 0, readBytes, null);
    if (bytesRead === 0) return;
    length += bytesRead;
    if (length > outputFileBytesMax) throw new TooLarge();
    yield buffer.subarray(0, bytesRead);
  }
}
