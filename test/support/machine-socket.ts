import type { Server } from 'node:net';
import { connect, createServer } from 'node:net';

/**
 * Run at a machine of `machines.ts`, whose network the test is not in: `listen PORT` hands the test a listening socket of this
 * machine, and `lead HOST PORT` gets one from the test: who connects to it goes on from here to that place.
 */
const [what, ...args] = process.argv.slice(2);
if (what === 'listen') {
  const server = createServer().listen(Number(args[0]), () => process.send?.('it listens', server));
  process.once('disconnect', () => process.exit());
} else {
  process.on('message', (_, server) => {
    lead(server as Server);
    process.send?.('it leads');
  });
}

function lead(server: Server): void {
  const [host, port] = args;
  server.on('connection', (from) => {
    const to = connect(Number(port), host);
    from.pipe(to);
    to.pipe(from);
    from.on('error', () => to.destroy());
    to.on('error', () => from.destroy());
    from.once('close', () => to.destroySoon());
    to.once('close', () => from.destroySoon());
  });
}
