import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { Readable as ReadableStream } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createZstdCompress, createZstdDecompress, zstdCompressSync } from 'node:zlib';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import { createQueues } from '../base/queues.ts';
import type { Blobs } from '../domain/blobs.ts';
import { snapshotBytesMax } from '../domain/limits.ts';
import type { SessionSnapshots } from '../domain/session-snapshots.ts';

/** The files of sessions, kept where other servers find them. */
export type Snapshots = {
  /** Before a sandbox is made: the files here are the newest there are. Rejects when they cannot be had. */
  restore(sessionId: string): Promise<void>;
  /** At rest, after something may have changed. Never rejects. */
  save(sessionId: string): Promise<void>;
};

/** Of a server that nobody else takes sessions from: its files stay where they are. */
export const noSnapshots: Snapshots = { restore: async () => {}, save: async () => {} };

export type SnapshotsOptions = {
  /** Of all sessions. */
  readonly directory: string;
  readonly snapshots: SessionSnapshots;
  readonly blobs: Blobs;
  readonly clock: Clock;
  readonly log: Log;
};

/** What agents write; all else is brought from the store. */
const kept = ['workspace', 'outputs', 'tool_outputs', 'home', 'tmp'] as const;

/**
 * A snapshot is a compressed tar. `snapshot` in the directory of a session says of which generation its files are:
 * those of a server that lost the session long ago are older than the newest snapshot and give way to it.
 */
export function createSnapshots({ directory, snapshots, blobs, clock, log }: SnapshotsOptions): Snapshots {
  const queues = createQueues();

  async function saveNow(sessionId: string): Promise<void> {
    const place = join(directory, sessionId);
    const generation = (await generationOf(place)) + 1;
    const tar = pack(place, kept);
    const staged = await blobs.stage(bounded(tar.stream, snapshotBytesMax));
    try {
      await tar.ended;
      if (await snapshots.put(sessionId, generation, staged, clock.nowUs())) await mark(place, generation);
    } finally {
      await blobs.discard(staged);
    }
  }

  async function restoreNow(sessionId: string): Promise<void> {
    const latest = await snapshots.latest(sessionId);
    if (!latest) return;
    const { generation, bytes, sha256 } = latest;
    const isNew = await unpackWorkspace(directory, sessionId, { generation, content: blobs.read(sha256) });
    if (isNew) log.info('snapshot.restored', { sessionId, generation, bytes });
  }

  return {
    restore: (sessionId) => queues.run(sessionId, () => restoreNow(sessionId)),
    save: (sessionId) =>
      queues
        .run(sessionId, () => saveNow(sessionId))
        .catch((cause: unknown) => log.warn('snapshot.not_saved', { sessionId, cause })),
  };
}

/** A snapshot of no files: a tar of nothing. */
export function packNothing(): Uint8Array {
  return zstdCompressSync(Buffer.alloc(tarBytesMin));
}

const tarBytesMin = 10_240;

export type Packed = { readonly generation: number; readonly content: AsyncIterable<Uint8Array> };

/** The files of a session below `directory` as its next snapshot; null: it has none here. */
export async function packWorkspace(directory: string, sessionId: string): Promise<Packed | null> {
  const place = join(directory, sessionId);
  const names = kept.filter((name) => existsSync(join(place, name)));
  if (names.length === 0) return null;
  const generation = (await generationOf(place)) + 1;
  async function* content() {
    const tar = pack(place, names);
    yield* tar.stream;
    await tar.ended;
  }
  return { generation, content: content() };
}

/** Brings a snapshot to its place below `directory`, unless what is there is newer. False: it is. */
export async function unpackWorkspace(
  directory: string,
  sessionId: string,
  { generation, content }: Packed,
): Promise<boolean> {
  const place = join(directory, sessionId);
  if (generation <= (await generationOf(place))) return false;
  // Whatever is interrupted here is done again: the mark comes last.
  for (const name of kept) await rm(join(place, name), { recursive: true, force: true, maxRetries: 3 });
  await mkdir(place, { recursive: true, mode: 0o700 });
  await unpack(place, content);
  await mark(place, generation);
  return true;
}

async function generationOf(place: string): Promise<number> {
  const text = await readFile(join(place, 'snapshot'), 'utf8').catch(() => '0');
  return Number(text) || 0;
}

async function mark(place: string, generation: number): Promise<void> {
  const path = join(place, 'snapshot');
  await writeFile(`${path}.new`, String(generation), { mode: 0o600 });
  await rename(`${path}.new`, path);
}

/** Symbolic links are kept as they are and never followed; sockets are left out; holes stay holes. */
function pack(
  place: string,
  names: readonly string[],
): { readonly stream: Readable; readonly ended: Promise<void> } {
  const args = [
    '--create',
    '--sparse',
    '--one-file-system',
    '--warning=none',
    '--directory',
    place,
    ...names,
  ];
  const tar = spawn('tar', args, { stdio: ['ignore', 'pipe', 'ignore'], env: {} });
  const stream = createZstdCompress();
  // 1: something changed while it was read, which the next snapshot has.
  const ended = once(tar, 'close').then(([code]) => {
    if (code !== 0 && code !== 1) throw new Error(`tar ended with ${code}`);
  });
  ended.catch(() => undefined);
  void pipeline(tar.stdout, stream).catch(() => tar.kill('SIGKILL'));
  return { stream, ended };
}

const endsOfReader = ['EPIPE', 'ERR_STREAM_PREMATURE_CLOSE'];

async function unpack(place: string, content: AsyncIterable<Uint8Array>): Promise<void> {
  const args = ['--extract', '--sparse', '--numeric-owner', '--directory', place];
  const tar = spawn('tar', args, { stdio: ['pipe', 'ignore', 'pipe'], env: {} });
  let said = '';
  tar.stderr.on('data', (chunk) => {
    said = `${said}${chunk}`.slice(0, 500);
  });
  const ended = once(tar, 'close');
  // Once it has seen the end of the archive it reads no further.
  const failure = await pipeline(ReadableStream.from(content), createZstdDecompress(), tar.stdin).catch(
    (cause: NodeJS.ErrnoException) => cause,
  );
  const [code] = await ended;
  if (code !== 0) throw new Error(`tar ended with ${code}: ${said}`, { cause: failure });
  if (failure && !endsOfReader.includes(failure.code ?? '')) throw failure;
}

async function* bounded(content: AsyncIterable<Uint8Array>, bytesMax: number): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  for await (const chunk of content) {
    bytes += chunk.byteLength;
    if (bytes > bytesMax) throw new Error(`the files of the session take more than ${bytesMax} bytes`);
    yield chunk;
  }
}
