import { createHash, randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import type { CompiledQuery } from 'kysely';
import type { Clock } from '../base/clock.ts';
import type { Blobs } from '../domain/blobs.ts';
import { abandonedUploadMs, goneContentMs } from '../domain/limits.ts';
import { writeDurably } from './blob-files.ts';
import type { ContentChanges, Contents } from './contents.ts';
import { isNamed } from './contents.ts';
import type { Engine, Tx } from './engines/engine.ts';
import { prepare } from './prepare.ts';
import { build } from './tables.ts';

/** Of one row: what a reader takes into memory at once. */
const chunkBytes = 1024 * 1024;
const stagedPrefix = 'staged.';
const gonePrefix = 'gone.';
/** The next character after the point. */
const afterGone = 'gone/';

/**
 * Content in rows of the database, for several servers that have no directory in common. Its chunks stand under its
 * SHA-256, and before it is published under a name of its own that begins with the time: what nobody publishes can
 * be told from what is under way. Content that no row names any more is renamed likewise, and stays for a while: a
 * reader that has begun goes on with it.
 */
export function createContentRows(
  engine: Engine,
  clock: Clock,
  { abandonedMs = abandonedUploadMs } = {},
): { blobs: Blobs; contents: Contents } {
  async function chunk(key: string, position: number): Promise<Uint8Array | null> {
    const [row] = await engine.read.all(chunkAt({ key, position }));
    return row?.bytes ?? null;
  }

  /** Under which it is kept for its readers; whenever it went, and however often, it was the same content. */
  async function goneKeyOf(sha256: string): Promise<string | null> {
    const [row] = await engine.read.all(goneKeyLike({ pattern: `%.${sha256}` }));
    return row?.key ?? null;
  }

  async function* read(sha256: string, range = { start: 0, end: Number.POSITIVE_INFINITY }) {
    let key: string | null = sha256;
    let isBegun = false;
    for (let position = Math.floor(range.start / chunkBytes); position * chunkBytes < range.end; position++) {
      let bytes: Uint8Array | null = await chunk(key, position);
      if (!bytes && isBegun && key === sha256) {
        key = await goneKeyOf(sha256);
        if (key === null) return;
        bytes = await chunk(key, position);
      }
      // Content that is empty has one chunk of nothing.
      if (!bytes && position === 0)
        throw Object.assign(new Error(`content ${sha256} is missing`), { code: 'ENOENT' });
      if (!bytes) return;
      isBegun = true;
      const from = position * chunkBytes;
      const part = bytes.subarray(Math.max(0, range.start - from), Math.max(0, range.end - from));
      if (part.byteLength > 0) yield part;
      if (bytes.byteLength < chunkBytes) return;
    }
  }

  async function remove(key: string): Promise<void> {
    await engine.writeBeside(key, (tx) => tx.run(deleteChunks({ key })));
  }

  const blobs: Blobs = {
    async stage(content) {
      const token = `${stagedPrefix}${clock.nowUs()}.${randomUUID()}`;
      try {
        return { token, ...(await store(engine, token, content)) };
      } catch (cause) {
        await remove(token);
        throw cause;
      }
    },
    discard: ({ token }) => remove(token),
    async share(sha256, path) {
      await writeDurably(path, read(sha256)).catch(async (cause: unknown) => {
        await rm(path, { force: true });
        throw cause;
      });
    },
    read,
  };
  const contents: Contents = {
    write: (work) => engine.write((tx) => work(tx, changesIn(tx, clock))),
    writeBeside: (key, work) => engine.writeBeside(key, (tx) => work(tx, changesIn(tx, clock))),
    async *sweep(nowUs) {
      const before = `${gonePrefix}${nowUs - goneContentMs * 1000}`;
      for (;;) {
        const [gone] = await engine.read.all(firstGone({ before }));
        if (!gone) return;
        await remove(gone.key);
        yield;
      }
    },
    async recover() {
      const before = `${stagedPrefix}${clock.nowUs() - abandonedMs * 1000}`;
      const query = build
        .deleteFrom('content_chunks')
        .where('key', '>=', stagedPrefix)
        .where('key', '<', before);
      await engine.write((tx) => tx.run(query.compile()));
    },
  };
  return { blobs, contents };
}

async function store(
  engine: Engine,
  key: string,
  content: AsyncIterable<Uint8Array>,
): Promise<{ sha256: string; bytes: number }> {
  const hash = createHash('sha256');
  let bytes = 0;
  let position = 0;
  for await (const chunk of rechunked(content)) {
    hash.update(chunk);
    bytes += chunk.byteLength;
    await engine.writeBeside(key, (tx) => tx.run(insertChunk({ key, position, bytes: chunk })));
    position += 1;
  }
  return { sha256: hash.digest('hex'), bytes };
}

/** Chunks of one size but for the last, and at least one. */
async function* rechunked(content: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let held: Uint8Array[] = [];
  let heldBytes = 0;
  let isFirst = true;
  for await (const chunk of content) {
    held.push(chunk);
    heldBytes += chunk.byteLength;
    if (heldBytes < chunkBytes) continue;
    const all = Buffer.concat(held);
    let at = 0;
    for (; heldBytes - at >= chunkBytes; at += chunkBytes) yield all.subarray(at, at + chunkBytes);
    isFirst = false;
    held = [all.subarray(at)];
    heldBytes -= at;
  }
  if (isFirst || heldBytes > 0) yield Buffer.concat(held);
}

/** Whoever publishes or takes away holds the first chunk, so that neither overlooks the other. */
function changesIn(tx: Tx, clock: Clock): ContentChanges {
  async function takeAway(
    sha256s: readonly (string | null)[],
    take: (sha256: string) => CompiledQuery<unknown>,
  ): Promise<void> {
    for (const sha256 of new Set(sha256s)) {
      if (sha256 === null) continue;
      await tx.lock(firstChunk({ key: sha256 }));
      if (!(await isNamed(tx, sha256))) await tx.run(take(sha256));
    }
  }

  return {
    async publish({ sha256, token }) {
      const [there] = await tx.lock(firstChunk({ key: sha256 }));
      if (there) {
        await tx.run(deleteChunks({ key: token }));
        return;
      }
      const moved = await tx.run(renameChunks({ from: token, to: sha256 }));
      if (moved === 0) throw new Error(`content ${sha256} was given up before it was published`);
    },
    release: (sha256s) =>
      takeAway(sha256s, (sha256) =>
        renameChunks({ from: sha256, to: `${gonePrefix}${clock.nowUs()}.${randomUUID()}.${sha256}` }),
      ),
    drop: (sha256s) => takeAway(sha256s, (sha256) => deleteChunks({ key: sha256 })),
  };
}

const chunkAt = prepare(({ key, position }: { key: string; position: number }) =>
  build
    .selectFrom('content_chunks')
    .select('bytes')
    .where('key', '=', key)
    .where('position', '=', position)
    .compile(),
);

const goneKeyLike = prepare(({ pattern }: { pattern: string }) =>
  build
    .selectFrom('content_chunks')
    .select('key')
    .where('key', '>=', gonePrefix)
    .where('key', '<', afterGone)
    .where('key', 'like', pattern)
    .where('position', '=', 0)
    .limit(1)
    .compile(),
);

const firstGone = prepare(({ before }: { before: string }) =>
  build
    .selectFrom('content_chunks')
    .select('key')
    .where('key', '>=', gonePrefix)
    .where('key', '<', before)
    .limit(1)
    .compile(),
);

const firstChunk = prepare(({ key }: { key: string }) =>
  build.selectFrom('content_chunks').select('key').where('key', '=', key).where('position', '=', 0).compile(),
);

const insertChunk = prepare((row: { key: string; position: number; bytes: Uint8Array }) =>
  build
    .insertInto('content_chunks')
    .values({ key: row.key, position: row.position, bytes: row.bytes })
    .compile(),
);

const renameChunks = prepare(({ from, to }: { from: string; to: string }) =>
  build.updateTable('content_chunks').set({ key: to }).where('key', '=', from).compile(),
);

const deleteChunks = prepare(({ key }: { key: string }) =>
  build.deleteFrom('content_chunks').where('key', '=', key).compile(),
);
