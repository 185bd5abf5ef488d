import type { Download } from '../protocol/form.ts';

/**
 * A file as a response, chunk by chunk as the client reads. If its content fails at once that is a 500, half
 * way the connection is cut, so that the client sees fewer bytes than were promised.
 */
export function downloadResponse(
  { mimeType, filename, bytes, content }: Download,
  extraHeaders: Readonly<Record<string, string>>,
): Response {
  const iterator = content[Symbol.asyncIterator]();
  const stream = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const next = await iterator.next().catch((cause: unknown) => {
          // Its message may end in the response.
          throw new Error('the file cannot be read', { cause });
        });
        if (next.done) controller.close();
        else controller.enqueue(next.value);
      },
      async cancel() {
        await iterator.return?.();
      },
    },
    // Nothing is read ahead: a response that nobody reads (HEAD) opens no file.
    { highWaterMark: 0 },
  );
  return new Response(stream, {
    headers: {
      'content-type': mimeType,
      'content-length': String(bytes),
      'content-disposition': `attachment; filename*=UTF-8''${encoded(filename)}`,
      // Whatever somebody uploaded, no browser shall run it in the name of this server.
      'x-content-type-options': 'nosniff',
      ...extraHeaders,
    },
  });
}

/** RFC 8187: what `encodeURIComponent` leaves as it is, but no parameter may hold, is escaped too. */
function encoded(filename: string): string {
  return encodeURIComponent(filename).replace(
    /['()*]/g,
    (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
