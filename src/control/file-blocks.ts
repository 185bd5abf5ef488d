import type { Files } from '../domain/collections.ts';
import { checkFileBlock } from '../domain/files.ts';
import type { EventParams } from '../protocol/event-params.ts';

export type FileBlockDeps = { readonly files: Files; readonly nowUs: number };

/**
 * Refuses content that names a file which is not there or cannot be shown, at its place (spec/files.md, Use
 * inside events). Such a block stays a reference: the model gets what the file holds when it is asked.
 */
export async function checkFileBlocks(
  { files, nowUs }: FileBlockDeps,
  events: readonly EventParams[],
  field: string,
): Promise<void> {
  for (const [index, event] of events.entries()) {
    if (!('content' in event) || !event.content) continue;
    for (const [at, block] of event.content.entries()) {
      if ((block.type !== 'image' && block.type !== 'document') || block.source.type !== 'file') continue;
      const path = `${field}[${index}].content[${at}].source.file_id`;
      const { file_id: id } = block.source;
      checkFileBlock({ path, id, as: block.type, file: (await files.get(id, nowUs))?.file ?? null }, nowUs);
    }
  }
}
