import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { createAdaptorServer } from '@hono/node-server';
import type { App } from './app.ts';
import { answerBrokenRequests } from './broken-requests.ts';

export type ServerOptions = { readonly app: App; readonly host: string; readonly port: number };

export type RunningServer = {
  readonly port: number;
  /** From now on a connection ends with its next answer, which says so. */
  drain(): void;
  /** Stops accepting; what is still open after `graceMs` is cut. */
  close(graceMs: number): Promise<void>;
};

/** Listens. Rejects with one sentence when the address cannot be had. */
export async function startServer({ app, host, port }: ServerOptions): Promise<RunningServer> {
  // Without `createServer` options the adaptor makes a plain HTTP/1.1 server. It puts its own `Request` and `Response`
  // into the place of Node's, which keep a plain answer as it is until it is sent: a quarter less work for a small one.
  const server = createAdaptorServer({ fetch: app.fetch }) as Server;
  // Uploads may be slow and streams never end: only headers must come in time.
  server.requestTimeout = 0;
  server.headersTimeout = 30_000;
  server.keepAliveTimeout = 60_000;
  // Node would refuse these itself, in a shape of its own. Whoever expects anything may also do without.
  server.on('checkExpectation', (request, response) => server.emit('request', request, response));
  answerBrokenRequests(server);
  const connections = trackConnections(server);
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => reject(explained(cause, `${host}:${port}`)));
    server.listen(port, host, resolve);
  });
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : port,
    drain: connections.drain,
    async close(graceMs) {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      connections.drain();
      connections.closeIdle();
      const cut = setTimeout(() => server.closeAllConnections(), graceMs);
      await closed;
      clearTimeout(cut);
    },
  };
}

function explained(cause: NodeJS.ErrnoException, address: string): Error {
  const reasons: Readonly<Record<string, string>> = {
    EADDRINUSE: 'is in use: stop what listens there, or choose another with --port',
    EACCES: 'needs more rights: choose another with --port',
    EADDRNOTAVAIL: 'is no address of this machine: choose another with --host',
  };
  const reason = reasons[cause.code ?? ''];
  return reason === undefined ? cause : new Error(`${address} ${reason}`, { cause });
}

/**
 * Connections and how many requests each is answering. Node's own idea of an idle one leaves out those that
 * have not asked anything yet and those that fall idle later, and a drain would wait for both in vain.
 */
function trackConnections(server: Server) {
  const answering = new Map<Socket, number>();
  const unanswered = new Set<ServerResponse>();
  let draining = false;
  let closing = false;

  function count(socket: Socket, step: 1 | -1): void {
    const before = answering.get(socket);
    if (before === undefined) return;
    answering.set(socket, before + step);
    if (closing && before + step === 0) socket.destroySoon();
  }

  server.on('connection', (socket: Socket) => {
    answering.set(socket, 0);
    socket.once('close', () => answering.delete(socket));
  });
  // Before whoever answers: a plain answer is written at once.
  server.prependListener('request', ({ socket }: IncomingMessage, response: ServerResponse) => {
    count(socket, 1);
    if (draining) response.shouldKeepAlive = false;
    unanswered.add(response);
    response.once('close', () => unanswered.delete(response));
    response.once('close', () => count(socket, -1));
  });
  return {
    drain() {
      draining = true;
      for (const response of unanswered) response.shouldKeepAlive = false;
    },
    /** From now on a connection ends with its last answer. */
    closeIdle() {
      closing = true;
      for (const [socket, requests] of answering) if (requests === 0) socket.destroySoon();
    },
  };
}
