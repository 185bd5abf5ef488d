import { createHash, randomUUID } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { entryBodyBytesMax } from '../domain/limits.ts';
import { makeDirectory, syncDirectory } from './directories.ts';
import { diskFailureOf } from './disk-failures.ts';

/**
 * Bodies of log entries. Small ones stay in their row; large ones go to a file of the session, named by
 * their content, durable before the row that names them is committed.
 */
export type Bodies = {
  /** What to put into the row. */
  store(sessionId: string, body: string): string;
  load(sessionId: string, stored: string): string;
  discard(sessionId: string): void;
};

/** JSON never begins with this. */
const fileMark = '@';

export function openBodies(directory: string): Bodies {
  const folder = (sessionId: string) => join(directory, sessionId);
  makeDirectory(directory);
  return {
    store(sessionId, body) {
      if (body.length <= entryBodyBytesMax && Buffer.byteLength(body) <= entryBodyBytesMax) return body;
      const name = createHash('sha256').update(body).digest('hex');
      const path = join(folder(sessionId), name);
      if (!existsSync(path)) {
        try {
          makeDirectory(folder(sessionId));
          writeDurably(path, body);
        } catch (cause) {
          throw diskFailureOf(cause) ?? cause;
        }
      }
      return `${fileMark}${name}`;
    },
    load(sessionId, stored) {
      if (!stored.startsWith(fileMark)) return stored;
      return readFileSync(join(folder(sessionId), stored.slice(fileMark.length)), 'utf8');
    },
    discard(sessionId) {
      rmSync(folder(sessionId), { recursive: true, force: true });
    },
  };
}

/** Every body stays in its row, for a database that several machines use and that keeps large texts aside itself. */
export const inlineBodies: Bodies = {
  store: (_, body) => body,
  load: (_, stored) => stored,
  discard() {},
};

function writeDurably(path: string, text: string): void {
  const temporary = `${path}.${randomUUID()}`;
  const file = openSync(temporary, 'wx', 0o600);
  try {
    // Unlike `writeSync` it goes on after a short write, so what a full disk cut off is an error.
    writeFileSync(file, text);
    fsyncSync(file);
  } catch (cause) {
    // A full disk has no room for half a body.
    rmSync(temporary, { force: true });
    throw cause;
  } finally {
    closeSync(file);
  }
  renameSync(temporary, path);
  syncDirectory(dirname(path));
}
