import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
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
  /** Resolves when it and whoever else holds the connection are gone, with the end of what it said on standard error. */
  readonly ended: Promise<string>;
};

const frameTypes = { launch: 1, kill: 2, ended: 3 } as const;
const greetingBytes = 8;
const callMsMax = 500;
/** Longest path of a socket that the kernel takes. */
const socketPathBytesMax = 107;

type Call = { readonly pid: number; readonly connection: Socket; readonly closed: Promise<void> };

type Running = {
  readonly child: ChildProcess;
  /** Launches that have not called yet, by id. */
  readonly calls: Map<number, (call: Call) => void>;
  /** Launches that have not ended yet, by id. */
  readonly reports: Map<number, (complaint: string) => void>;
};

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
      const { child, calls, reports } = await running;
      const id = nextId++;
      const called = new Promise<Call>((call) => calls.set(id, call));
      const reported = new Promise<string>((report) => reports.set(id, report));
      // Who waits for a sandbox waits for its launcher.
      child.ref();
      const argv = Buffer.from(args.map((argument) => `${argument}\0`).join(''));
      child.stdin?.write(encodeFrame(frameTypes.launch, id, argv));
      const { pid, connection, closed } = await callOf(called, reported).finally(() => calls.delete(id));
      const ended = Promise.all([reported, closed]).then(([complaint]) => complaint);
      return { pid, connection, ended, kill: () => child.stdin?.write(encodeFrame(frameTypes.kill, id)) };
    },
  };
}

/** One that ended at once may have called before: its call can still be on its way. */
async function callOf(called: Promise<Call>, reported: Promise<string>): Promise<Call> {
  let timer: NodeJS.Timeout | undefined;
  let isSettled = false;
  const late = reported.then(
    (complaint) =>
      new Promise<never>((_, reject) => {
        const reason = `the sandbox did not start: ${complaint || 'it ended at once'}`;
        if (!isSettled) timer = setTimeout(() => reject(new Error(reason)), callMsMax);
      }),
  );
  return await Promise.race([called, late]).finally(() => {
    isSettled = true;
    clearTimeout(timer);
  });
}

async function startLauncher(supervisor: string, runDir: string, onGone: () => void): Promise<Running> {
  const calls: Running['calls'] = new Map();
  const reports: Running['reports'] = new Map();
  const { path, discard } = socketPlace(runDir);
  const connections = new Set<Socket>();
  const server = createServer((socket) => {
    connections.add(socket);
    socket.once('close', () => connections.delete(socket));
    greet(socket, calls);
  });
  await listening(server, path);
  const child = spawn(supervisor, ['launcher', path], {
    stdio: ['pipe', 'pipe', 'ignore'],
    env: {},
    cwd: '/',
    detached: true,
  });
  const read = frameReader(({ type, id, payload }) => {
    if (type !== frameTypes.ended) return;
    reports.get(id)?.(payload.subarray(4).toString().trim());
    reports.delete(id);
    if (reports.size === 0) child.unref();
  });
  child.stdout?.on('data', read);
  child.stdin?.on('error', () => undefined);
  let isGone = false;
  function gone(cause: string): void {
    if (isGone) return;
    isGone = true;
    // Its sandboxes died with it; one that has not yet will when its connection closes.
    for (const report of reports.values()) report(cause);
    for (const connection of connections) connection.destroy();
    server.close();
    discard();
    onGone();
  }
  child.once('error', (cause) => gone(cause.message));
  child.once('close', () => gone('the launcher ended'));
  // Without a sandbox it must not keep a process alive that has nothing else to do.
  for (const handle of [server, child]) handle.unref();
  for (const stream of [child.stdin, child.stdout]) unref(stream);
  return { child, calls, reports };
}

/** The pipes of a child are sockets, which the types do not say. */
function unref(stream: NodeJS.WritableStream | NodeJS.ReadableStream | null): void {
  if (stream && 'unref' in stream && typeof stream.unref === 'function') stream.unref();
}

/** A name of its own for each launcher: closing an old server removes the path it had. */
function socketPlace(runDir: string): { readonly path: string; discard(): void } {
  const name = `launcher-${randomUUID().slice(0, 8)}.sock`;
  if (Buffer.byteLength(join(runDir, name)) > socketPathBytesMax) {
    const directory = mkdtempSync(join(tmpdir(), 'anthill-'));
    return {
      path: join(directory, name),
      discard: () => rmSync(directory, { recursive: true, force: true }),
    };
  }
  // A server that was killed left its own behind.
  for (const old of readdirSync(runDir))
    if (old.endsWith('.sock')) rmSync(join(runDir, old), { force: true });
  const path = join(runDir, name);
  return { path, discard: () => rmSync(path, { force: true }) };
}

async function listening(server: Server, path: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });
}

/** A process that was launched calls: its id and pid come first, everything after is its own. */
function greet(socket: Socket, calls: Running['calls']): void {
  socket.on('error', () => socket.destroy());
  const closed = new Promise<void>((close) => socket.once('close', () => close()));
  socket.once('readable', function greeting() {
    const header: Buffer | null = socket.read(greetingBytes);
    if (header === null) {
      if (!socket.readableEnded) socket.once('readable', greeting);
      return;
    }
    const call = calls.get(header.readUInt32LE(0));
    if (call) call({ pid: header.readUInt32LE(4), connection: socket, closed });
    else socket.destroy();
  });
}
