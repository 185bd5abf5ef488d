/** Server-sent events: framing on the server, parsing on the command line. */

export type Frame = { readonly event: string; readonly data: string; readonly id?: string | null };

/** One frame. `data` is a single line of JSON. */
export function frame({ event, data, id }: Frame): string {
  const idLine = id ? `id: ${id}\n` : '';
  return `event: ${event}\n${idLine}data: ${data}\n\n`;
}

/** Heartbeat that clients skip (spec/events.md, SSE format). */
export const pingFrame = frame({ event: 'ping', data: '{"type": "ping"}' });

const lineEnd = /\r\n|\r|\n/;

/** Frames of a byte stream. A frame cut by the end of the stream is dropped, as the standard says. */
export async function* parseFrames(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Frame> {
  const decoder = new TextDecoder();
  let buffer = '';
  let lines: string[] = [];
  for await (const chunk of chunks) {
    buffer += decoder.decode(chunk, { stream: true });
    const parts = buffer.split(lineEnd);
    buffer = parts.pop() ?? '';
    for (const line of parts) {
      if (line !== '') lines.push(line);
      else if (lines.length > 0) {
        yield frameOf(lines);
        lines = [];
      }
    }
  }
}

function frameOf(lines: readonly string[]): Frame {
  const fields = new Map<string, string[]>();
  for (const line of lines) {
    const colon = line.indexOf(':');
    const name = colon === -1 ? line : line.slice(0, colon);
    const value = colon === -1 ? '' : line.slice(colon + 1).replace(/^ /, '');
    fields.set(name, [...(fields.get(name) ?? []), value]);
  }
  return {
    event: fields.get('event')?.at(-1) ?? 'message',
    data: fields.get('data')?.join('\n') ?? '',
    id: fields.get('id')?.at(-1) ?? null,
  };
}
