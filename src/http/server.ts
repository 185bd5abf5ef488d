import type { Server } from 'node:http';
import { createAdaptorServer } from '@hono/node-server';
import type { App } from './app.ts';

export type ServerOptions = { readonly app: App; readonly host: string; readonly port: number };

export type RunningServer = {
  readonly port: number;
  /** Stops accepting; what is still open after `graceMs` is cut. */
  close(graceMs: number): Promise<void>;
};

/** Listens. Rejects with the system's error when the address cannot be had. */
export async function startServer({ app, host, port }: ServerOptions): Promise<RunningServer> {
  // Without `createServer` options the adaptor makes a plain HTTP/1.1 server.
  const server = createAdaptorServer({ fetch: app.fetch, overrideGlobalObjects: false }) as Server;
  // Uploads may be slow and streams never end: only headers must come in time.
  server.requestTimeout = 0;
  server.headersTimeout = 30_000;
  server.keepAliveTimeout = 60_000;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : port,
    close: (graceMs) => close(server, graceMs),
  };
}

async function close(server: Server, graceMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const cut = setTimeout(() => server.closeAllConnections(), graceMs);
  await closed;
  clearTimeout(cut);
}
