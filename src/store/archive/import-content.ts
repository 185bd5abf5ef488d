import type { Blobs, StagedBlob } from '../../domain/blobs.ts';
import type { BlobFiles } from '../blob-files.ts';
import { createContentRows } from '../content-rows.ts';
import { createContents } from '../contents.ts';
import type { Engine, Tx } from '../engines/engine.ts';
import type { OpenAlone } from '../open-alone.ts';

/** Where an import puts content. */
export type ContentPlace = {
  readonly blobs: Blobs;
  /** Takes away what an import that died was in the middle of. */
  tidy(): Promise<void>;
  /** Gives staged content its name, in one transaction with `work`. */
  publish(staged: StagedBlob, work: (tx: Tx) => Promise<void>): Promise<void>;
  /** Of all content that was published: takes away what no row names. */
  settle(): Promise<void>;
};

export function contentPlaceOf({ engine, files, clock }: OpenAlone): ContentPlace {
  return files === null ? inRows(engine, clock) : inFiles(engine, files);
}

function inRows(engine: Engine, clock: OpenAlone['clock']): ContentPlace {
  const { blobs, contents } = createContentRows(engine, clock, { abandonedMs: 0 });
  return {
    blobs,
    tidy: contents.recover,
    // Nothing is left to discard: its rows have become the content, or are gone.
    publish: (staged, work) =>
      contents.write(async (tx, content) => {
        await content.publish(staged);
        await work(tx);
      }),
    // Rows that are not named were never committed.
    settle: async () => {},
  };
}

/**
 * The marks that `publish` leaves stay until the import is finished or taken away: they tell its content from what was
 * in the directory before.
 */
function inFiles(engine: Engine, files: BlobFiles): ContentPlace {
  return {
    blobs: files,
    async tidy() {
      await files.recover();
    },
    async publish(staged, work) {
      await engine.write(async (tx) => {
        files.publish(staged);
        await work(tx);
      });
      await files.discard(staged);
    },
    settle: () => createContents(engine, files).recover(),
  };
}
