import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo, Server } from 'node:net';
import { systemClock } from '../../src/base/clock.ts';
import type { MessagesRequest } from '../../src/brain/models/scripted/messages-request.ts';
import type { Part } from '../../src/brain/models/scripted/reply.ts';
import { InvalidRequest, validate } from '../../src/brain/models/scripted/validate.ts';
import { messageOf, streamOf } from '../../src/brain/models/scripted/wire-stream.ts';

export type ModelAnswers = {
  /** The parts of the reply; may take its time. */
  answer(request: MessagesRequest): Promise<readonly Part[]>;
  /** Before each event of the stream, from 0, and once more when all was sent: may take its time too. */
  pace?(request: MessagesRequest, event: number, isLast: boolean): Promise<void>;
};

export type ModelServer = {
  /** What points a server at this model, which goes by any name. */
  readonly settings: Readonly<Record<string, string>>;
  close(): Promise<void>;
};

/**
 * A model of the test behind the real Messages API: it lives on when its client dies, and sees when that asks again. `socket` is
 * where it listens instead of loopback: then `settings` are of no use.
 */
export async function startModelServer(
  { answer, pace }: ModelAnswers,
  socket?: Server,
): Promise<ModelServer> {
  async function serve(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk);
    const request = validate(JSON.parse(Buffer.concat(chunks).toString('utf8')));
    const reply = { parts: await answer(request) };
    const message = messageOf(request, reply);
    outgoing.writeHead(200, { 'content-type': 'text/event-stream' });
    const { signal } = new AbortController();
    let sent = 0;
    for await (const piece of streamOf(message, reply, { clock: systemClock, signal })) {
      // Each event by itself, however many come in one piece.
      for (const event of Buffer.from(piece)
        .toString('utf8')
        .split(/(?<=\n\n)/)) {
        await pace?.(request, sent++, false);
        outgoing.write(event);
      }
    }
    outgoing.end(() => void pace?.(request, sent, true));
  }

  const server = createServer((incoming, outgoing) => {
    serve(incoming, outgoing).catch((cause: unknown) => {
      // Whoever asked is gone, or asked what no model answers.
      if (!(cause instanceof InvalidRequest) || outgoing.headersSent) return outgoing.destroy();
      outgoing.writeHead(400, { 'content-type': 'application/json' });
      const error = { type: 'invalid_request_error', message: cause.message };
      outgoing.end(JSON.stringify({ type: 'error', error }));
    });
  });
  await new Promise<void>((resolve) => server.listen(socket ?? { port: 0, host: '127.0.0.1' }, resolve));
  const { port } = server.address() as AddressInfo;
  return {
    settings: {
      ANTHILL_UPSTREAM_BASE_URL: `http://127.0.0.1:${port}`,
      ANTHILL_UPSTREAM_API_KEY: 'none',
    },
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}
