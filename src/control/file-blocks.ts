import type { EventParams } from '../protocol/event-params.ts';
import { Refusal } from '../protocol/refusal.ts';

/** Content that names an uploaded file: no file exists here, so each is absent (spec/README.md, 404 messages). */
export function refuseFileBlocks(events: readonly EventParams[], path: string): void {
  for (const event of events) {
    if (!('content' in event) || !event.content) continue;
    for (const block of event.content) {
      if ((block.type === 'image' || block.type === 'document') && block.source.type === 'file') {
        throw new Refusal('not_found', `${path}: File \`${block.source.file_id}\` not found.`);
      }
    }
  }
}
