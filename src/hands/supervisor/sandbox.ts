import { constants } from 'node:os';
import type { ExecRequest, FileRead, Sandbox, SandboxProcess } from '../../domain/sandbox.ts';
import type { Frame } from './frames.ts';
import { encodeFrame, frameReader, frameTypes, inputChunkBytes } from './frames.ts';
import type { Launched } from './launcher.ts';

/** Where the launcher binds the supervisor inside every sandbox. */
export const supervisorPath = '/run/anthill/init';

type Job = {
  readonly request: ExecRequest;
  readonly end: (result: { code: number | null; signal: number | null }) => void;
};

/**
 * A sandbox seen through its supervisor on its connection. Resolves when the supervisor is ready; rejects
 * with what the launch said on standard error when it ends before that.
 */
export async function connectSandbox(launched: Omit<Launched, 'pid'>, signal: AbortSignal): Promise<Sandbox> {
  const jobs = new Map<number, Job>();
  const { connection } = launched;
  let nextId = 1;
  let isGone = false;

  const gone = launched.ended.then(() => {
    isGone = true;
    for (const job of jobs.values()) job.end({ code: null, signal: constants.signals.SIGKILL });
    jobs.clear();
  });

  const ready = new Promise<void>((resolve, reject) => {
    const read = frameReader((frame) =>
      frame.type === frameTypes.ready ? resolve() : dispatch(jobs, frame),
    );
    connection.on('data', (chunk: Buffer) => {
      try {
        read(chunk);
      } catch {
        launched.kill();
      }
    });
    void launched.ended.then((complaint) =>
      reject(new Error(`the sandbox did not start: ${complaint || 'it ended at once'}`)),
    );
  });
  const abort = () => launched.kill();
  if (signal.aborted) abort();
  signal.addEventListener('abort', abort, { once: true });
  await ready.finally(() => signal.removeEventListener('abort', abort));
  if (signal.aborted) {
    await gone;
    throw signal.reason;
  }

  function send(type: number, id: number, payload?: Uint8Array): void {
    connection.write(encodeFrame(type, id, payload));
  }

  function exec(request: ExecRequest): SandboxProcess {
    const id = nextId++;
    const argv = Buffer.from(request.argv.map((argument) => `${argument}\0`).join(''));
    // A longer one would end the supervisor, and a NUL would make two arguments of one.
    if (argv.length > inputChunkBytes || request.argv.some((argument) => argument.includes('\0')))
      throw new SandboxFileError('the arguments are too long or contain a NUL byte');
    const exited = new Promise<{ code: number | null; signal: number | null }>((end) =>
      jobs.set(id, { request, end }),
    );
    if (isGone) {
      jobs.get(id)?.end({ code: null, signal: constants.signals.SIGKILL });
      jobs.delete(id);
    }
    send(frameTypes.exec, id, argv);
    return {
      exited,
      write(bytes) {
        for (let at = 0; at < bytes.length; at += inputChunkBytes) {
          send(frameTypes.input, id, bytes.subarray(at, at + inputChunkBytes));
        }
      },
      endInput: () => send(frameTypes.endInput, id),
      kill(name) {
        const number = Buffer.alloc(4);
        number.writeUInt32LE(constants.signals[name]);
        send(frameTypes.signal, id, number);
      },
    };
  }

  return {
    exec,
    readFile: (path, bytesMax) => readFile(exec, path, bytesMax),
    writeFile: (path, bytes) => writeFile(exec, path, bytes),
    killAll: () => send(frameTypes.killAll, 0),
    async destroy() {
      launched.kill();
      await gone;
    },
    gone,
  };
}

function dispatch(jobs: Map<number, Job>, { type, id, payload }: Frame): void {
  const job = jobs.get(id);
  if (!job) return;
  if (type === frameTypes.output) job.request.onStdout(payload);
  if (type === frameTypes.errorOutput) job.request.onStderr(payload);
  if (type !== frameTypes.ended) return;
  jobs.delete(id);
  const status = payload.readInt32LE(0);
  const signal = status & 0x7f;
  job.end(signal === 0 ? { code: (status >> 8) & 0xff, signal: null } : { code: null, signal });
}

type Exec = (request: ExecRequest) => SandboxProcess;

async function readFile(exec: Exec, path: string, bytesMax: number): Promise<FileRead> {
  const output = await collect(exec, [supervisorPath, 'read', path, String(bytesMax)]);
  const end = output.indexOf(10);
  const [kind = '', size = ''] = output.subarray(0, Math.max(0, end)).toString().split(' ');
  const known = (['file', 'directory', 'other'] as const).find((candidate) => candidate === kind);
  return { kind: known ?? 'other', sizeBytes: Number(size), bytes: output.subarray(end + 1) };
}

async function writeFile(exec: Exec, path: string, bytes: Uint8Array): Promise<void> {
  await collect(exec, [supervisorPath, 'write', path], { input: bytes });
}

/**
 * Runs one of the supervisor's file commands to its end; rejects with what it says went wrong. An abort
 * kills the command.
 */
export async function collect(
  exec: Exec,
  argv: readonly string[],
  { input, signal }: { readonly input?: Uint8Array; readonly signal?: AbortSignal } = {},
): Promise<Buffer> {
  const output: Buffer[] = [];
  let complaint = '';
  const process = exec({
    argv,
    onStdout: (bytes) => output.push(Buffer.from(bytes)),
    onStderr: (bytes) => {
      complaint = (complaint + Buffer.from(bytes).toString()).slice(-1_000);
    },
  });
  const kill = () => process.kill('SIGKILL');
  if (signal?.aborted) kill();
  signal?.addEventListener('abort', kill, { once: true });
  if (input) process.write(input);
  process.endInput();
  const { code } = await process.exited;
  signal?.removeEventListener('abort', kill);
  if (code !== 0) throw new SandboxFileError(complaint.trim() || 'the operation was ended');
  return Buffer.concat(output);
}

/** A file operation inside the sandbox said no: `<path>: <reason>`. */
export class SandboxFileError extends Error {
  get reason(): string {
    const reason = this.message.slice(this.message.lastIndexOf(': ') + 1).trim();
    return reason.charAt(0).toLowerCase() + reason.slice(1);
  }
}
