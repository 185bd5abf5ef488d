import { randomBytes } from 'node:crypto';
import { stripVTControlCharacters } from 'node:util';
import type { ToolOutcome } from '../../domain/hands.ts';
import { bashOutputBytesMax, bashTimeoutMsDefault, bashTimeoutMsMax } from '../../domain/limits.ts';
import type { Sandbox, SandboxProcess } from '../../domain/sandbox.ts';
import type { ToolInput } from './input.ts';
import { numberOf, textOf } from './input.ts';
import { decode, failed, said } from './outcome.ts';

/** The one bash of a sandbox: made at the first command, gone after a timeout, an abort or its own exit. */
export type Bash = { run(input: ToolInput, signal: AbortSignal): Promise<ToolOutcome> };

type Shell = {
  readonly process: SandboxProcess;
  /** Set while a command runs: takes output, and the end marker's descriptor. */
  listener: {
    readonly output: (bytes: Uint8Array) => void;
    readonly marks: (bytes: Uint8Array) => void;
  } | null;
};

type Ended =
  | { readonly type: 'done'; readonly code: number }
  | { readonly type: 'exited' | 'timeout' | 'aborted' };

/**
 * Commands run in one persistent shell, each with an empty standard input and both outputs merged in
 * order. The shell says "done" on a descriptor of its own that no command inherits.
 */
export function createBash(sandbox: Sandbox): Bash {
  let shell: Shell | null = null;
  let turn: Promise<unknown> = Promise.resolve();

  function start(): Shell {
    const started: Shell = {
      listener: null,
      process: sandbox.exec({
        argv: ['/bin/bash', '--noprofile', '--norc'],
        onStdout: (bytes) => started.listener?.output(bytes),
        onStderr: (bytes) => started.listener?.marks(bytes),
      }),
    };
    void started.process.exited.then(() => {
      if (shell === started) shell = null;
    });
    // 9 is the way back to us; commands get 1 and 2 merged and no 9.
    started.process.write(Buffer.from('exec 9>&2 2>&1\n'));
    return started;
  }

  async function run(input: ToolInput, signal: AbortSignal): Promise<ToolOutcome> {
    if (signal.aborted) return failed('bash: aborted');
    if (input['restart'] === true) {
      if (shell) sandbox.killAll();
      shell = null;
      return said('bash session restarted');
    }
    const command = textOf(input, 'command');
    if (command === null) return failed('bash: command is required unless restart is true');
    if (command.includes('\0')) return failed('bash: the command contains a NUL byte');
    shell ??= start();
    const timeoutMs = Math.min(numberOf(input, 'timeout_ms') || bashTimeoutMsDefault, bashTimeoutMsMax);
    const output = createLastBytes(bashOutputBytesMax);
    const ended = await runIn(shell, command, { output: output.add, timeoutMs, signal });
    if (ended.type === 'timeout' || ended.type === 'aborted') {
      // Whatever the shell started, in whatever session: a process group would not reach all of it.
      sandbox.killAll();
      shell = null;
    }
    return outcomeOf(ended, output.text(), timeoutMs);
  }

  return {
    run(input, signal) {
      // One shell, one command at a time.
      const mine = turn.then(() => run(input, signal));
      turn = mine.catch(() => undefined);
      return mine;
    },
  };
}

type RunOptions = {
  readonly output: (bytes: Uint8Array) => void;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
};

function runIn(shell: Shell, command: string, { output, timeoutMs, signal }: RunOptions): Promise<Ended> {
  const nonce = randomBytes(12).toString('hex');
  const mark = new RegExp(`${nonce} (\\d+)\\n`);
  return new Promise((resolve) => {
    let marks = '';
    const timer = setTimeout(() => end({ type: 'timeout' }), timeoutMs);
    const abort = () => end({ type: 'aborted' });
    function end(ended: Ended): void {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
      shell.listener = null;
      resolve(ended);
    }
    shell.listener = {
      output,
      marks(bytes) {
        marks = (marks + decode(bytes)).slice(-200);
        const found = mark.exec(marks);
        if (found) end({ type: 'done', code: Number(found[1]) });
      },
    };
    signal.addEventListener('abort', abort, { once: true });
    void shell.process.exited.then(() => end({ type: 'exited' }));
    shell.process.write(
      Buffer.from(`{ eval ${quoted(command)}\n} </dev/null 9>&-; printf '${nonce} %d\\n' "$?" >&9\n`),
    );
  });
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function outcomeOf(ended: Ended, output: string, timeoutMs: number): ToolOutcome {
  const spaced = output === '' || output.endsWith('\n') ? output : `${output}\n`;
  switch (ended.type) {
    case 'done':
      if (ended.code === 0) return said(output);
      return failed(`${spaced}exit code ${ended.code}`);
    case 'exited':
      return failed(`${spaced}the bash session ended; the next command starts a new one`);
    case 'timeout':
      return failed(`${spaced}bash: command timed out after ${timeoutMs} ms; the bash session was restarted`);
    case 'aborted':
      return failed(`${spaced}bash: aborted`);
  }
}

/** The last `max` bytes of a stream, with a mark where something was cut. */
function createLastBytes(max: number): { add(bytes: Uint8Array): void; text(): string } {
  let kept: Buffer = Buffer.alloc(0);
  let cut = false;
  return {
    add(bytes) {
      kept = Buffer.concat([kept, bytes]);
      if (kept.length > max * 2) {
        kept = Buffer.from(kept.subarray(kept.length - max));
        cut = true;
      }
    },
    text() {
      const isCut = cut || kept.length > max;
      const text = stripVTControlCharacters(decode(kept.subarray(Math.max(0, kept.length - max))));
      return isCut ? `[output truncated]\n${text}` : text;
    },
  };
}
