import type { ToolOutcome } from '../../domain/hands.ts';
import { fileToolBytesMax, imageBytesMax } from '../../domain/limits.ts';
import type { FileRead, Sandbox } from '../../domain/sandbox.ts';
import { collect, supervisorPath } from '../supervisor/sandbox.ts';
import { imageTypeOf, isWholeImage } from './image.ts';
import type { ToolInput } from './input.ts';
import { pathOf, textOf } from './input.ts';
import { decode, failed, said } from './outcome.ts';

/**
 * read, write and edit. The file work happens inside the sandbox, so links resolve there. The texts are the
 * reference runner's, but for the two that were recorded from the live service (spec/tools.md).
 */

export async function read(sandbox: Sandbox, input: ToolInput, signal: AbortSignal): Promise<ToolOutcome> {
  const given = textOf(input, 'file_path') ?? '';
  const path = pathOf(given);
  const file = await sandbox.readFile(path, fileToolBytesMax);
  if (file.kind !== 'file') return failed(`read: ${given} is not a regular file`);
  const mediaType = imageTypeOf(file.bytes);
  if (mediaType !== null) return await readImage(sandbox, { given, path, mediaType, file });
  const range = rangeOf(input);
  if (file.sizeBytes <= fileToolBytesMax) return said(numbered(linesOf(decode(file.bytes), range), range));
  if (range === null)
    return failed(
      `read: ${given} is ${file.sizeBytes} bytes, exceeds ${fileToolBytesMax}-byte limit. Use the view_range parameter to read specific line ranges, e.g. view_range: [1, 500].`,
    );
  return await readRange(sandbox, { given, path, range, signal });
}

type ImageRead = {
  readonly given: string;
  readonly path: string;
  readonly mediaType: string;
  readonly file: FileRead;
};

async function readImage(
  sandbox: Sandbox,
  { given, path, mediaType, file }: ImageRead,
): Promise<ToolOutcome> {
  if (file.sizeBytes > imageBytesMax)
    return failed(
      `read: ${given} is ${file.sizeBytes} bytes, exceeds ${imageBytesMax}-byte limit for images`,
    );
  const whole = file.sizeBytes <= file.bytes.length ? file : await sandbox.readFile(path, imageBytesMax);
  if (!isWholeImage(mediaType, whole.bytes)) return failed(`read: ${given} is an incomplete image`);
  const data = Buffer.from(whole.bytes).toString('base64');
  return {
    content: [{ type: 'image', source: { type: 'base64', media_type: mediaType, data } }],
    isError: false,
  };
}

/** First and last line, counted from 1; a last line of 0 or less means the end. */
type Range = { readonly first: number; readonly last: number };

function rangeOf(input: ToolInput): Range | null {
  const range = input['view_range'];
  if (!Array.isArray(range) || range.length === 0) return null;
  return { first: Math.max(1, Number(range[0])), last: Math.max(0, Number(range[1])) };
}

function linesOf(text: string, range: Range | null): readonly string[] {
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  return range === null ? lines : lines.slice(range.first - 1, range.last || lines.length);
}

/** `<n><TAB><line>`, as recorded from the live service. */
function numbered(lines: readonly string[], range: Range | null): string {
  return lines.map((line, index) => `${(range?.first ?? 1) + index}\t${line}`).join('\n');
}

type RangeRead = {
  readonly given: string;
  readonly path: string;
  readonly range: Range;
  readonly signal: AbortSignal;
};

async function readRange(sandbox: Sandbox, { given, path, range, signal }: RangeRead): Promise<ToolOutcome> {
  const { first, last } = range;
  if (last > 0 && last < first) return said('');
  const bounds = [first, last, fileToolBytesMax + 1].map(String);
  const bytes = await collect(sandbox.exec, [supervisorPath, 'lines', path, ...bounds], { signal });
  if (bytes.length <= fileToolBytesMax) return said(numbered(linesOf(decode(bytes), null), range));
  if (first === last)
    return failed(
      `read: line ${first} of ${given} alone exceeds ${fileToolBytesMax}-byte limit. The read tool cannot return part of a line, so view_range cannot narrow this further.`,
    );
  return failed(
    `read: view_range [${first}, ${last}] of ${given} exceeds ${fileToolBytesMax}-byte limit. Narrow the view_range to read a smaller portion.`,
  );
}

export async function write(sandbox: Sandbox, input: ToolInput): Promise<ToolOutcome> {
  const path = pathOf(textOf(input, 'file_path') ?? '');
  await sandbox.writeFile(path, Buffer.from(textOf(input, 'content') ?? ''));
  return said(`File created: ${path}`);
}

export async function edit(sandbox: Sandbox, input: ToolInput): Promise<ToolOutcome> {
  const given = textOf(input, 'file_path') ?? '';
  const before = asBytes(textOf(input, 'old_string') ?? '');
  const after = asBytes(textOf(input, 'new_string') ?? '');
  if (before === after) return failed('edit: old_string and new_string are the same');
  const file = await sandbox.readFile(pathOf(given), fileToolBytesMax);
  if (file.kind !== 'file') return failed(`edit: ${given} is not a regular file`);
  if (file.sizeBytes > fileToolBytesMax)
    return failed(
      `edit: ${given} is ${file.sizeBytes} bytes, exceeds ${fileToolBytesMax}-byte limit. The edit tool loads the whole file and cannot modify a file this large.`,
    );
  const parts = Buffer.from(file.bytes).toString('latin1').split(before);
  const found = parts.length - 1;
  if (found === 0) return failed(`edit: old_string not found in ${given}`);
  if (found > 1 && input['replace_all'] !== true)
    return failed(`edit: old_string appears ${found} times in ${given} (must be unique)`);
  await sandbox.writeFile(pathOf(given), Buffer.from(parts.join(after), 'latin1'));
  return said(`edited ${given} (${found} replacement(s))`);
}

/** UTF-8 with one character per byte: what is not text in the file around the edit stays as it is. */
function asBytes(text: string): string {
  return Buffer.from(text).toString('latin1');
}
