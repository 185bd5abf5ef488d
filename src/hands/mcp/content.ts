import type { ToolOutcome } from '../../domain/hands.ts';
import { imageBytesMax } from '../../domain/limits.ts';
import type { ResultBlock } from '../../protocol/content.ts';
import { resultBlockSchema } from '../../protocol/content.ts';

/** What a tool of an MCP server answered, of which only the shape of the parts below is relied on. */
export type McpResult = {
  readonly content?: unknown;
  readonly structuredContent?: unknown;
  readonly isError?: unknown;
};

const characters = (bytes: number) => Math.ceil(bytes / 3) * 4;
const documentBytesMax = 20 * 1024 * 1024;

/**
 * The answer as blocks that models read (spec/tools.md, MCP). What they do not read, like audio or links to
 * resources, becomes a text that says so; an answer of nothing else is an error.
 */
export function outcomeOf(result: McpResult): ToolOutcome {
  const parts = Array.isArray(result.content) ? result.content.map(partOf) : [];
  const isError = result.isError === true;
  if (parts.length === 0 && result.structuredContent !== undefined)
    return { content: [text(JSON.stringify(result.structuredContent))], isError };
  if (parts.length === 0) return { content: [text('(no output)')], isError };
  return {
    content: parts.map(({ block }) => block),
    isError: isError || parts.every(({ isUnread }) => isUnread),
  };
}

type Part = { readonly block: ResultBlock; readonly isUnread: boolean };

function partOf(part: unknown): Part {
  const { type, ...fields } = fieldsOf(part);
  if (type === 'text' && typeof fields['text'] === 'string') return read(text(fields['text']));
  if (type === 'image') return mediaOf(fields['data'], fields['mimeType']);
  if (type === 'resource') return resourceOf(fieldsOf(fields['resource']));
  if (type === 'resource_link') return unread(`a link to the resource ${String(fields['uri'])}`);
  return unread(`content of type ${String(type)}`);
}

function resourceOf({ text: words, blob, mimeType }: Record<string, unknown>): Part {
  return typeof words === 'string' ? read(text(words)) : mediaOf(blob, mimeType);
}

function mediaOf(data: unknown, mimeType: unknown): Part {
  const size = typeof data === 'string' ? data.length : 0;
  const isDocument = mimeType === 'application/pdf';
  if (size > characters(isDocument ? documentBytesMax : imageBytesMax))
    return unread(`${String(mimeType)} of more than ${isDocument ? '20' : '3.75'} MiB`);
  const block = resultBlockSchema.safeParse({
    type: isDocument ? 'document' : 'image',
    source: { type: 'base64', media_type: mimeType, data },
  });
  return block.success ? read(block.data) : unread(`content of type ${String(mimeType)}`);
}

const read = (block: ResultBlock): Part => ({ block, isUnread: false });

function unread(what: string): Part {
  return { block: text(`[${what} cannot be shown]`), isUnread: true };
}

/** Always valid: the model API refuses anything else. */
function text(words: string): ResultBlock {
  const clean = words.replaceAll('\0', '\u{FFFD}').toWellFormed();
  return { type: 'text', text: clean === '' ? '(no output)' : clean };
}

function fieldsOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}
