import { once } from 'node:events';
import { connect } from 'node:net';
import { requestBytes } from './connection.ts';

/** A stream that is listened to at the price of looking for a word in what arrives. */
export type Listener = {
  /** Resolves, with the time, once `mark` has arrived since the last time it was waited for. */
  heard(mark: string): Promise<number>;
  /** Bytes of the answer so far. */
  bytes(): number;
  close(): void;
};

/** Resolves with the first bytes of the stream. */
export async function listen(
  baseUrl: string,
  path: string,
  headers: Readonly<Record<string, string>>,
): Promise<Listener> {
  const { hostname, port } = new URL(baseUrl);
  const socket = connect({ host: hostname, port: Number(port), noDelay: true });
  await once(socket, 'connect');
  let text = '';
  let bytes = 0;
  let notice: () => void = () => undefined;
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1');
    bytes += chunk.length;
    notice();
  });
  socket.write(requestBytes('GET', path, headers));
  await once(socket, 'data');
  if (!text.startsWith('HTTP/1.1 200')) throw new Error(`${path}: ${text}`);
  return {
    heard: (mark) =>
      new Promise((resolve) => {
        notice = () => {
          // A mark may be cut in two.
          if (!text.includes(mark)) {
            text = text.slice(-mark.length);
            return;
          }
          text = '';
          notice = () => undefined;
          resolve(performance.now());
        };
        notice();
      }),
    bytes: () => bytes,
    close: () => socket.destroy(),
  };
}
