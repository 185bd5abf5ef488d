import type { AddressInfo, Socket } from 'node:net';
import { connect, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** What happens between a server and its database. */
export type Way =
  | 'open'
  /** Connections break and new ones are refused. */
  | 'cut'
  /** Nothing gets through, not even that the other side is gone, and nobody is told. */
  | 'silent'
  /** Milliseconds that everything takes, each way. */
  | number;

export type TcpProxy = {
  readonly port: number;
  set(way: Way): void;
  /** Connections to the database. */
  count(): number;
  /**
   * Of the connections that there are nothing gets through any more, not even their ends, as behind a firewall that lost
   * its state; new ones are not concerned. The function that it returns tells both sides.
   */
  forget(): () => void;
  close(): Promise<void>;
};

/** A way to a socket of this machine that can go bad. */
export async function startTcpProxy(target: string): Promise<TcpProxy> {
  const sockets = new Set<Socket>();
  let count = 0;
  let way: Way = 'open';

  function pass(from: Socket, to: Socket): void {
    let done: Promise<unknown> = Promise.resolve();
    from.on('data', (chunk) => {
      if (way === 'silent') return;
      const delayMs = typeof way === 'number' ? way : 0;
      done = Promise.all([done, delayMs > 0 ? sleep(delayMs) : null]).then(
        () => to.writable && to.write(chunk),
      );
    });
    from.on('close', () => void done.then(() => way !== 'silent' && to.destroy()));
    from.on('error', () => to.destroy());
    sockets.add(from);
    from.on('close', () => sockets.delete(from));
  }

  const server = createServer((client) => {
    if (way === 'cut') return void client.destroy();
    const database = connect(target);
    count += 1;
    database.on('close', () => {
      count -= 1;
    });
    pass(client, database);
    pass(database, client);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    set(next) {
      way = next;
      if (way === 'cut') for (const socket of sockets) socket.destroy();
    },
    count: () => count,
    forget() {
      const forgotten = [...sockets];
      // Who does not read does not hear of an end either.
      for (const socket of forgotten) socket.pause();
      return () => {
        for (const socket of forgotten) socket.destroy();
      };
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
