import { chmod, link, mkdir, rm, writeFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { createServer } from 'node:net';
import { join } from 'node:path';

/** Longest path of a socket that the kernel takes. */
const socketPathBytesMax = 107;

/** What a container needs of the server while it begins. */
export type Place = {
  /** Bound into the container. Everybody may enter it: it lies in a directory that only the server's user may. */
  readonly directory: string;
  /** Resolves with the call of the container's first process; rejects when the signal is given. */
  call(signal: AbortSignal): Promise<Socket>;
  discard(): Promise<void>;
};

export const placeNames = { socket: 'server', door: 'door', passwd: 'passwd', group: 'group' } as const;

export type PlaceOptions = {
  /** Does not exist yet. */
  readonly directory: string;
  readonly door: string | null;
  readonly uid: number;
};

/** The names of the sockets are gone as soon as the container has called: what runs in it cannot call again. */
export async function makePlace({ directory, door, uid }: PlaceOptions): Promise<Place> {
  const at = (name: keyof typeof placeNames) => join(directory, placeNames[name]);
  if (Buffer.byteLength(at('socket')) > socketPathBytesMax)
    throw new Error(`${at('socket')} is longer than a socket's path may be: choose a shorter data directory`);
  await mkdir(directory, { recursive: true });
  await chmod(directory, 0o755);
  await writeReadable(at('passwd'), `${root}${uid === 0 ? '' : `agent:x:${uid}:${uid}::/root:/bin/bash\n`}`);
  await writeReadable(at('group'), `root:x:0:\n${uid === 0 ? '' : `agent:x:${uid}:\n`}nogroup:x:65534:\n`);
  if (door !== null) {
    await chmod(door, 0o666);
    await link(door, at('door'));
  }
  const calls = new Set<(socket: Socket) => void>();
  const server = createServer((socket) => {
    server.close();
    void Promise.all([rm(at('socket'), { force: true }), rm(at('door'), { force: true })]).then(() => {
      for (const call of calls) call(socket);
    });
  });
  server.maxConnections = 1;
  const called = new Promise<Socket>((resolve) => calls.add(resolve));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(at('socket'), resolve);
  });
  await chmod(at('socket'), 0o666);
  return {
    directory,
    call: (signal) => Promise.race([called, given(signal)]),
    async discard() {
      server.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

const root = 'root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n';

async function writeReadable(path: string, text: string): Promise<void> {
  await writeFile(path, text);
  await chmod(path, 0o644);
}

function given(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    else signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}
