import { once } from 'node:events';
import type { Socket } from 'node:net';
import { connect } from 'node:net';

/** One keep-alive connection that asks prepared requests: a client's own work is a few microseconds for each. */
export type Connection = {
  /** Resolves with the body of the answer; rejects when its status is not 200. One request at a time. */
  ask(request: Buffer): Promise<Buffer>;
  close(): void;
};

const blankLine = '\r\n\r\n';

export async function openConnection(baseUrl: string): Promise<Connection> {
  const { hostname, port } = new URL(baseUrl);
  const socket = connect({ host: hostname, port: Number(port), noDelay: true });
  await once(socket, 'connect');
  return {
    async ask(request) {
      socket.write(request);
      return await answer(socket);
    },
    close: () => socket.destroy(),
  };
}

/** An HTTP/1.1 request as it goes over the wire. */
export function requestBytes(
  method: string,
  path: string,
  headers: Readonly<Record<string, string>>,
  body = '',
): Buffer {
  const all = { host: 'bench', ...headers, 'content-length': String(Buffer.byteLength(body)) };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`);
  return Buffer.from(`${[`${method} ${path} HTTP/1.1`, ...lines].join('\r\n')}${blankLine}${body}`);
}

function answer(socket: Socket): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    let received: Buffer = Buffer.alloc(0);
    const onData = (chunk: Buffer) => {
      received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
      const end = received.indexOf(blankLine);
      if (end === -1) return;
      const head = received.toString('latin1', 0, end);
      const length = Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1]);
      const body = received.subarray(end + blankLine.length);
      if (body.length < length) return;
      socket.off('data', onData);
      if (head.startsWith('HTTP/1.1 200 ') && body.length === length) resolve(body);
      else reject(new Error(`${head}${blankLine}${body}`));
    };
    socket.on('data', onData);
  });
}
