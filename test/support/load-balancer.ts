import type { Socket } from 'node:net';
import { connect, createServer } from 'node:net';
import { listening } from './local-servers.ts';

/** Leads connections to servers in turn: to those whose `/health` answers 200, as any load balancer does. */
export type LoadBalancer = {
  readonly baseUrl: string;
  /** From now on this one is looked at; `remove` ends that. */
  add(baseUrl: string): void;
  remove(baseUrl: string): void;
  close(): Promise<void>;
};

const lookMs = 50;

export async function startLoadBalancer(): Promise<LoadBalancer> {
  const healthy = new Map<string, boolean>();
  const sockets = new Set<Socket>();
  let turn = 0;
  const server = await listening(createServer((client) => void serve(client)));
  const looks = setInterval(() => {
    for (const url of healthy.keys()) void look(url);
  }, lookMs);

  async function look(url: string): Promise<void> {
    const isUp = await fetch(`${url}/health`, { headers: { connection: 'close' } }).then(
      ({ status }) => status === 200,
      () => false,
    );
    if (healthy.has(url)) healthy.set(url, isUp);
  }

  /** One that cannot be reached is passed over: nothing was sent to it yet. */
  async function serve(client: Socket): Promise<void> {
    client.on('error', () => undefined);
    sockets.add(client);
    client.once('close', () => sockets.delete(client));
    const up = [...healthy].filter(([, isUp]) => isUp).map(([url]) => url);
    turn += 1;
    for (let at = 0; at < up.length; at++) {
      const server = await reached(up[(turn + at) % up.length] ?? '');
      if (!server) continue;
      client.pipe(server);
      server.pipe(client);
      server.once('close', () => client.destroySoon());
      client.once('close', () => server.destroySoon());
      return;
    }
    client.destroy();
  }

  return {
    baseUrl: `http://127.0.0.1:${portOf(server.address())}`,
    add: (url) => void healthy.set(url, true),
    remove: (url) => void healthy.delete(url),
    async close() {
      clearInterval(looks);
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function reached(url: string): Promise<Socket | null> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname, () => resolve(socket));
    socket.on('error', () => resolve(null));
  });
}

function portOf(address: ReturnType<ReturnType<typeof createServer>['address']>): number {
  return typeof address === 'object' && address !== null ? address.port : 0;
}
