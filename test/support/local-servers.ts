import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer as createHttpServer } from 'node:http';
import type { Server, Socket } from 'node:net';
import { createServer } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { Authority } from '../../src/hands/egress/certificates.ts';

export async function listening<S extends Server>(server: S): Promise<S> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/** An HTTPS server for whatever name it is asked for. */
export function tlsServer(authority: Authority, handler: Handler): Server {
  const http = createHttpServer(handler);
  return createServer((socket: Socket) => {
    const secured: TLSSocket = new TLSSocket(socket, {
      isServer: true,
      SNICallback: (name, done) => done(null, authority.contextFor(name)),
      secureContext: authority.contextFor('localhost'),
    });
    secured.on('error', () => socket.destroy());
    http.emit('connection', secured);
  });
}
