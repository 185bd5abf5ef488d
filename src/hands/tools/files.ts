import type { ToolOutcome } from '../../domain/hands.ts';
import { fileToolBytesMax, imageBytesMax } from '../../domain/limits.ts';
import type { FileRead, Sandbox } from '../../domain/sandbox.ts';
import type { ToolInput } from './input.ts';
import { pathOf, textOf } from './input.ts';
import { decode, failed, said } from './outcome.ts';

/** read, write and edit: the file work happens inside the sandbox, so links resolve there. */

const images: Readonly<Record<string, string>> = {
  png: 'image/png',
  jpg: 'image/jpeg',
  jpeg: 'image/jpeg',
  gif: 'image/gif',
  webp: 'image/webp',
};

export async function read(sandbox: Sandbox, input: ToolInput): Promise<ToolOutcome> {
  const path = pathOf(textOf(input, 'file_path') ?? '');
  const mediaType = images[path.slice(path.lastIndexOf('.') + 1).toLowerCase()];
  const file = await sandbox.readFile(path, mediaType ? imageBytesMax : fileToolBytesMax);
  const problem = readProblem(path, file, mediaType ? imageBytesMax : fileToolBytesMax);
  if (problem !== null) return failed(problem);
  if (mediaType) {
    const data = Buffer.from(file.bytes).toString('base64');
    return {
      content: [{ type: 'image', source: { type: 'base64', media_type: mediaType, data } }],
      isError: false,
    };
  }
  return said(numbered(decode(file.bytes), input['view_range']));
}

function readProblem(path: string, file: FileRead, bytesMax: number): string | null {
  if (file.kind === 'directory') return `${path}: is a directory`;
  if (file.kind !== 'file') return `${path}: is not a regular file`;
  if (file.sizeBytes > bytesMax)
    return `${path}: ${file.sizeBytes} bytes, more than the limit of ${bytesMax}`;
  return null;
}

/** `<n><TAB><line>`, as recorded from the live service (spec/tools.md). */
function numbered(text: string, range: unknown): string {
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  const [first, last] = Array.isArray(range) ? range.map(Number) : [1, 0];
  const start = Math.max(1, first ?? 1);
  const end = last === undefined || last <= 0 ? lines.length : Math.min(last, lines.length);
  return lines
    .slice(start - 1, Math.max(start - 1, end))
    .map((line, index) => `${start + index}\t${line}`)
    .join('\n');
}

export async function write(sandbox: Sandbox, input: ToolInput): Promise<ToolOutcome> {
  const path = pathOf(textOf(input, 'file_path') ?? '');
  await sandbox.writeFile(path, Buffer.from(textOf(input, 'content') ?? ''));
  return said(`File created: ${path}`);
}

export async function edit(sandbox: Sandbox, input: ToolInput): Promise<ToolOutcome> {
  const path = pathOf(textOf(input, 'file_path') ?? '');
  const before = textOf(input, 'old_string') ?? '';
  const after = textOf(input, 'new_string') ?? '';
  if (before === after) return failed('edit: old_string and new_string are the same');
  const file = await sandbox.readFile(path, fileToolBytesMax);
  const problem = readProblem(path, file, fileToolBytesMax);
  if (problem !== null) return failed(problem);
  const parts = decode(file.bytes).split(before);
  const found = parts.length - 1;
  if (found === 0) return failed(`edit: old_string not found in ${path}`);
  if (found > 1 && input['replace_all'] !== true) {
    return failed(
      `edit: old_string appears ${found} times in ${path} and must be unique; add context or set replace_all`,
    );
  }
  await sandbox.writeFile(path, Buffer.from(parts.join(after)));
  return said(`edited ${path} (${found} replacement${found === 1 ? '' : 's'})`);
}
