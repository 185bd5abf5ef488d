import { formFieldBytesMax } from '../domain/limits.ts';
import type { Form, FormFile, PartKind } from '../protocol/form.ts';
import { parseField, partKind, requireParts } from '../protocol/form.ts';
import { invalid, Refusal } from '../protocol/refusal.ts';
import type { Route } from '../protocol/route.ts';
import type { ArrivingParts } from './arriving-parts.ts';
import { openParts } from './arriving-parts.ts';
import { parseParameters } from './header-parameters.ts';

/** Form headers, quotes and boundaries around what a form holds. */
const frameBytesMax = 1024 * 1024;
const boundaryLengthMax = 200;

type Part =
  | { readonly kind: 'field'; readonly name: string; readonly value: unknown }
  | ({ readonly kind: 'file'; readonly name: string } & FormFile);

/**
 * The parts of a multipart form in the order in which they arrive. Nothing is held but the chunk under way:
 * a slow reader slows the client down. Refused as it shows: another content type or too large a body before
 * anything is read, unknown parts and bad fields where they stand, missing parts and a body that breaks off
 * at the end. So a reader may act on a form only once it has seen all of it. Leaving early is fine.
 */
export function readForm(route: Route, form: Form, request: Request): AsyncGenerator<Part> {
  const type = request.headers.get('content-type') ?? '';
  const { value, parameters } = parseParameters(type);
  if (value !== 'multipart/form-data') {
    throw invalid(`content-type: "${type}" is not supported; send multipart/form-data`);
  }
  const boundary = parameters.get('boundary') ?? '';
  if (boundary === '' || boundary.length > boundaryLengthMax) {
    throw invalid('content-type: multipart/form-data needs a boundary');
  }
  let bytesLeft = form.filesBytesMax + frameBytesMax;
  /** Of the whole body, so that what surrounds the files has a limit too. */
  function count(bytes: number): void {
    bytesLeft -= bytes;
    if (bytesLeft < 0) throw tooLarge(form);
  }
  if (Number(request.headers.get('content-length') ?? 0) > bytesLeft) throw tooLarge(form);
  const stream = request.body ?? new Blob([]).stream();
  return parsedParts(route, form, openParts({ stream, boundary, partsMax: form.partsMax, count }));
}

async function* parsedParts(route: Route, form: Form, arrivals: ArrivingParts): AsyncGenerator<Part> {
  const seen = new Set<string>();
  let bytesLeft = form.filesBytesMax;
  async function* counted(content: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of content) {
      bytesLeft -= chunk.byteLength;
      if (bytesLeft < 0) throw tooLarge(form);
      yield chunk;
    }
  }
  try {
    for (;;) {
      const arrived = await arrivals.next();
      if (arrived === null) break;
      const { disposition, mimeType, content } = arrived;
      const kind = partKind(route, form, disposition.get('name') ?? '');
      const { name } = kind;
      if (seen.has(name) && !kind.isList) throw invalid(`${name}: must be given once`);
      seen.add(name);
      if (kind.isFile) {
        const filename = disposition.get('filename') ?? '';
        yield { kind: 'file', name, filename, mimeType, content: counted(content) };
        // What the reader left.
        for await (const _ of counted(content));
      } else yield { kind: 'field', name, value: parseField(route, kind, await textOf(kind, content)) };
    }
  } finally {
    arrivals.stop();
  }
  requireParts(route, form, seen);
}

async function textOf({ name }: PartKind, content: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of content) {
    size += chunk.byteLength;
    if (size > formFieldBytesMax) throw invalid(`${name}: must be at most ${formFieldBytesMax} bytes`);
    chunks.push(chunk);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks));
  } catch {
    throw invalid(`${name}: must be valid UTF-8`);
  }
}

function tooLarge({ filesBytesMax }: Form): Refusal {
  return new Refusal('too_large', `Request exceeds the maximum size of ${filesBytesMax} bytes`);
}
