import type { StagedBlob } from '../domain/blobs.ts';
import type { BlobFiles } from './blob-files.ts';
import type { Engine, Sql, Tx } from './engines/engine.ts';
import { build } from './tables.ts';

/** Transactions over rows that name content, see `Blobs`. */
export type Contents = {
  /** One transaction, and after it, however it ended, the removal of content that no row names any more. */
  write<T>(work: ContentWork<T>): Promise<T>;
  /** Likewise, as `Engine.writeBeside`. */
  writeBeside<T>(key: string, work: ContentWork<T>): Promise<T>;
  /** Removes what was kept for its readers and has been for long enough, one content a step. */
  sweep(nowUs: number): AsyncGenerator<void>;
  /** At start: finishes what a process that died had begun. */
  recover(): Promise<void>;
};

type ContentWork<T> = (tx: Tx, content: ContentChanges) => Promise<T>;

export type ContentChanges = {
  /** For the row that is inserted with it. */
  publish(staged: StagedBlob): Promise<void>;
  /** Of rows that were taken away; null of those that had none any more. Who has begun to read it reads it to its end. */
  release(sha256s: readonly (string | null)[]): Promise<void>;
  /** Likewise, of content that no client downloads and that comes often: nothing is kept for readers. */
  drop(sha256s: readonly (string | null)[]): Promise<void>;
};

export function createContents(engine: Engine, blobs: BlobFiles): Contents {
  /**
   * The decision to remove is taken alone, where no other transaction can publish the same content meanwhile, and looks at committed rows as well: one that is deleted in the same group is still
   * there if the group cannot commit.
   */
  async function settle(marks: readonly string[]): Promise<void> {
    for (const mark of marks) {
      const sha256 = blobs.sha256Of(mark);
      let removed = Promise.resolve();
      await engine.write(async (tx) => {
        if ((await isNamed(tx, sha256)) || (await isNamed(engine.read, sha256))) return;
        removed = blobs.remove(sha256);
      });
      await removed;
      await blobs.forget(mark);
    }
  }

  async function settling<T>(transact: (marks: string[]) => Promise<T>): Promise<T> {
    const marks: string[] = [];
    try {
      return await transact(marks);
    } finally {
      // What cannot be removed now stays marked: the next start tries again.
      await settle(marks).catch(() => undefined);
    }
  }

  const changes = (tx: Tx, marks: string[]): ContentChanges => {
    async function release(sha256s: readonly (string | null)[]): Promise<void> {
      for (const sha256 of new Set(sha256s)) {
        if (sha256 !== null && !(await isNamed(tx, sha256))) marks.push(blobs.suspect(sha256));
      }
    }

    return {
      async publish(staged) {
        const mark = blobs.publish(staged);
        if (mark !== null) marks.push(mark);
      },
      release,
      // Whoever reads a file holds it open.
      drop: release,
    };
  };

  return {
    write: (work) => settling((marks) => engine.write((tx) => work(tx, changes(tx, marks)))),
    writeBeside: (key, work) =>
      settling((marks) => engine.writeBeside(key, (tx) => work(tx, changes(tx, marks)))),
    async *sweep() {},
    recover: async () => settle(await blobs.recover()),
  };
}

export async function isNamed(sql: Sql, sha256: string): Promise<boolean> {
  for (const table of ['files', 'skill_versions', 'session_snapshots'] as const) {
    const query = build.selectFrom(table).select('sha256').where('sha256', '=', sha256).limit(1);
    if ((await sql.all(query.compile())).length > 0) return true;
  }
  return false;
}
