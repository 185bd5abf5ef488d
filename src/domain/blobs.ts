/** Content that was taken in but that no row names yet. */
export type StagedBlob = {
  readonly sha256: string;
  readonly bytes: number;
  /** Where it waits; a name of its own however often the same content comes. */
  readonly token: string;
};

/**
 * The content of files, by its SHA-256: the same content is kept once, and goes with the last row that
 * names it. Content is staged first; the transaction that inserts its row publishes it, so that what a row
 * names is on disk before the row is, and what fails in between leaves nothing behind.
 */
export interface Blobs {
  /** Takes content in, chunk by chunk, durably. Rejects with what the content throws; nothing is kept then. */
  stage(content: AsyncIterable<Uint8Array>): Promise<StagedBlob>;
  /** Gives up what is not published; afterwards without effect. */
  discard(staged: StagedBlob): Promise<void>;
  /**
   * Puts published content at a path of this machine, where nothing is yet, durably but for its name. The file may be the content itself
   * under a second name: it must never be written.
   */
  share(sha256: string, path: string): Promise<void>;
  /** Published content, or bytes `start` to `end` (exclusive) of it. Opened when the first chunk is asked for. */
  read(sha256: string, range?: { readonly start: number; readonly end: number }): AsyncIterable<Uint8Array>;
}
