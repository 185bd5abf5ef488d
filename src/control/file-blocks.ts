import type { EventParams } from '../protocol/event-params.ts';
import { invalid } from '../protocol/refusal.ts';

/** Content that names an uploaded file: no file exists here, so each is absent (spec/files.md, Use inside events). */
export function refuseFileBlocks(events: readonly EventParams[], field: string): void {
  for (const [index, event] of events.entries()) {
    if (!('content' in event) || !event.content) continue;
    for (const [at, block] of event.content.entries()) {
      if ((block.type !== 'image' && block.type !== 'document') || block.source.type !== 'file') continue;
      const path = `${field}[${index}].content[${at}].source.file_id`;
      throw invalid(`${path}: File \`${block.source.file_id}\` not found.`);
    }
  }
}
