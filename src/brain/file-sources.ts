import type { ReadFile } from '../domain/files.ts';
import { shownAs } from '../domain/files.ts';
import type { ModelRequest, WireBlock } from '../domain/model.ts';
import { essence } from '../protocol/media-types.ts';

/**
 * A request with what files hold in place of references to them. A file that is gone is told to the model
 * in words: the conversation goes on without it.
 */
export async function withFileContents(request: ModelRequest, readFile: ReadFile): Promise<ModelRequest> {
  const messages = [];
  for (const message of request.messages) {
    messages.push(
      message.content.some(refersToFile)
        ? { ...message, content: await resolvedBlocks(message.content, readFile) }
        : message,
    );
  }
  return { ...request, messages };
}

/** Results hold blocks of their own. */
function refersToFile(block: WireBlock): boolean {
  if (block.type === 'tool_result') return blocksIn(block).some(refersToFile);
  return fileIdOf(block) !== null;
}

function blocksIn({ content }: WireBlock): readonly WireBlock[] {
  return Array.isArray(content) ? content : [];
}

function fileIdOf({ type, source }: WireBlock): string | null {
  if ((type !== 'image' && type !== 'document') || typeof source !== 'object' || source === null) return null;
  return Reflect.get(source, 'type') === 'file' ? String(Reflect.get(source, 'file_id')) : null;
}

async function resolvedBlocks(blocks: readonly WireBlock[], readFile: ReadFile): Promise<WireBlock[]> {
  const resolved: WireBlock[] = [];
  // One after the other: each may be large.
  for (const block of blocks) {
    const id = fileIdOf(block);
    if (id !== null) resolved.push(await resolvedBlock(block, id, readFile));
    else if (!refersToFile(block)) resolved.push(block);
    else resolved.push({ ...block, content: await resolvedBlocks(blocksIn(block), readFile) });
  }
  return resolved;
}

async function resolvedBlock(block: WireBlock, id: string, readFile: ReadFile): Promise<WireBlock> {
  const found = await readFile(id);
  if (!found) return { type: 'text', text: `[The file ${id} was here. It has been deleted or has expired.]` };
  const { file, content } = found;
  const bytes = Buffer.from(content.buffer, content.byteOffset, content.byteLength);
  const titled = block.type === 'document' ? { title: file.filename, ...block } : block;
  const source =
    shownAs(file) === 'text'
      ? { type: 'text', media_type: 'text/plain', data: bytes.toString('utf8') }
      : { type: 'base64', media_type: essence(file.mime_type), data: bytes.toString('base64') };
  return { ...titled, source };
}
