import { requestBodyBytesMax } from '../domain/limits.ts';
import { parseBody, parseJson } from '../protocol/parse.ts';
import { invalid, Refusal } from '../protocol/refusal.ts';
import type { Route } from '../protocol/route.ts';
import { readForm } from './multipart.ts';

/** What a handler gets as its body: nothing, the parts of a form as they arrive, or parsed JSON. */
export async function readBody(route: Route, request: Request): Promise<unknown> {
  if (route.form !== null) return readForm(route, route.form, request);
  if (route.body === null) return await refuseFields(request);
  return parseBody(route, await readJson(request));
}

/** The JSON body of a request. */
async function readJson(request: Request): Promise<unknown> {
  requireJson(request);
  const text = decodeUtf8(await readBytes(request));
  if (text.trim() === '') throw invalid('Failed to parse request body: the body is empty');
  return parseJson(text);
}

function requireJson(request: Request): void {
  const type = request.headers.get('content-type');
  if (type !== null && !/^application\/([\w.+-]+\+)?json\s*(;|$)/i.test(type)) {
    throw invalid(`content-type: "${type}" is not supported; send application/json`);
  }
}

/** A request that takes no body may send an empty one; a field would be unknown, like everywhere. */
async function refuseFields(request: Request): Promise<null> {
  if (request.method === 'GET') return null;
  const text = decodeUtf8(await readBytes(request));
  if (text.trim() === '') return null;
  requireJson(request);
  const json = parseJson(text);
  const [field] = typeof json === 'object' && json !== null ? Object.keys(json).sort() : [];
  if (field !== undefined) throw invalid(`Failed to parse request body: unknown field "${field}"`);
  return null;
}

/**
 * Refused before it is read when it says it is too large, while it is read when it turns out to be. Most say how
 * long they are, and no parser of HTTP reads on behind that.
 */
async function readBytes(request: Request): Promise<Uint8Array> {
  const length = request.headers.get('content-length');
  if (Number(length) > requestBodyBytesMax) throw tooLarge();
  return length === null ? await readChunks(request) : new Uint8Array(await whole(request));
}

async function readChunks(request: Request): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  // Leaving the loop cancels the body, so nothing more of it is buffered.
  for await (const chunk of arriving(request)) {
    size += chunk.byteLength;
    if (size > requestBodyBytesMax) throw tooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function whole(request: Request): Promise<ArrayBuffer> {
  return request.arrayBuffer().catch((cause) => {
    throw endedEarly(cause);
  });
}

/** A body that stops arriving is the client's doing, not a failure of ours. */
async function* arriving(request: Request): AsyncGenerator<Uint8Array> {
  try {
    yield* request.body ?? [];
  } catch (cause) {
    throw endedEarly(cause);
  }
}

function endedEarly(cause: unknown): Refusal {
  return new Refusal('invalid_request', 'Failed to parse request body: the body ended early', { cause });
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

function decodeUtf8(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch (cause) {
    throw new Refusal('invalid_request', 'Failed to parse request body: invalid UTF-8', { cause });
  }
}

function tooLarge(): Refusal {
  return new Refusal('too_large', `Request exceeds the maximum size of ${requestBodyBytesMax} bytes`);
}
