import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import type { Server, Socket } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeFrame, frameReader } from './frames.ts';

/** A process outside of every sandbox that starts them, see launcher.c. Started at the first launch. */
export type Launcher = {
  /** Resolves when the process has called back; rejects with what it said when it ended before that. */
  launch(args: readonly string[]): Promise<Launched>;
};

/** A process started by the launcher, and the server's end of its standard input and output. */
export type Launched = {
  readonly pid: number;
  readonly connection: Socket;
  kill(): void;
  /** Resolves when it is gone, with the end of what it said on standard error. */
  readonly ended: Promise<string>;
};

const frameTypes = { launch: 1, kill: 2, ended: 3 } as const;
const greetingBytes = 8;
/** Longest path of a socket that the kernel takes. */
const socketPathBytesMax = 107;

type Awaited = {
  readonly connected: (pid: number, connection: Socket) => void;
  readonly ended: (complaint: string) => void;
};

type Running = { readonly child: ChildProcess; readonly awaited: Map<number, Awaited> };

/** `runDir` is private to the server's user: whoever reaches the socket in it could pose as a sandbox. */
export function createLauncher(supervisor: string, runDir: string): Launcher {
  let running: Promise<Running> | null = null;
  let nextId = 1;

  function start(): Promise<Running> {
    const started = startLauncher(supervisor, runDir, () => {
      if (running === started) running = null;
    });
    return started;
  }

  return {
    async launch(args) {
      running ??= start();
      const { child, awaited } = await running;
      const id = nextId++;
      let end = (_complaint: string) => {};
      const ended = new Promise<string>((resolve) => {
        end = resolve;
      });
      const kill = () => child.stdin?.write(encodeFrame(frameTypes.kill, id));
      return await new Promise<Launched>((resolve, reject) => {
        awaited.set(id, {
          connected: (pid, connection) => resolve({ pid, connection, kill, ended }),
          ended(complaint) {
            end(complaint);
            reject(new Error(`the sandbox did not start: ${complaint || 'it ended at once'}`));
          },
        });
        // Who waits for a sandbox waits for its launcher.
        child.ref();
        const argv = Buffer.from(args.map((argument) => `${argument}\0`).join(''));
        child.stdin?.write(encodeFrame(frameTypes.launch, id, argv));
      });
    },
  };
}

async function startLauncher(supervisor: string, runDir: string, onGone: () => void): Promise<Running> {
  const awaited = new Map<number, Awaited>();
  const { path, discard } = socketPlace(runDir);
  const server = createServer((socket) => greet(socket, awaited));
  await listening(server, path);
  const child = spawn(supervisor, ['launcher', path], {
    stdio: ['pipe', 'pipe', 'ignore'],
    env: {},
    cwd: '/',
    detached: true,
  });
  const read = frameReader(({ type, id, payload }) => {
    if (type !== frameTypes.ended) return;
    awaited.get(id)?.ended(payload.subarray(4).toString().trim());
    awaited.delete(id);
    if (awaited.size === 0) child.unref();
  });
  child.stdout?.on('data', read);
  child.stdin?.on('error', () => undefined);
  let isGone = false;
  function gone(cause: string): void {
    if (isGone) return;
    isGone = true;
    // Its sandboxes died with it.
    for (const { ended } of awaited.values()) ended(cause);
    server.close();
    discard();
    onGone();
  }
  child.once('error', (cause) => gone(cause.message));
  child.once('close', () => gone('the launcher ended'));
  // Without a sandbox it must not keep a process alive that has nothing else to do.
  for (const handle of [server, child]) handle.unref();
  for (const stream of [child.stdin, child.stdout]) unref(stream);
  return { child, awaited };
}

/** The pipes of a child are sockets, which the types do not say. */
function unref(stream: NodeJS.WritableStream | NodeJS.ReadableStream | null): void {
  if (stream && 'unref' in stream && typeof stream.unref === 'function') stream.unref();
}

function socketPlace(runDir: string): { readonly path: string; discard(): void } {
  const path = join(runDir, 'launcher.sock');
  if (Buffer.byteLength(path) > socketPathBytesMax) {
    const directory = mkdtempSync(join(tmpdir(), 'anthill-'));
    return {
      path: join(directory, 'launcher.sock'),
      discard: () => rmSync(directory, { recursive: true, force: true }),
    };
  }
  const discard = () => rmSync(path, { force: true });
  // A server that was killed left its own behind.
  discard();
  return { path, discard };
}

async function listening(server: Server, path: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });
}

/** A process that was launched calls: its id and pid come first, everything after is its own. */
function greet(socket: Socket, awaited: ReadonlyMap<number, Awaited>): void {
  socket.on('error', () => socket.destroy());
  socket.once('readable', function greeting() {
    const header: Buffer | null = socket.read(greetingBytes);
    if (header === null) {
      if (!socket.readableEnded) socket.once('readable', greeting);
      return;
    }
    const caller = awaited.get(header.readUInt32LE(0));
    if (caller) caller.connected(header.readUInt32LE(4), socket);
    else socket.destroy();
  });
}
