import { randomBytes } from 'node:crypto';
import { stripVTControlCharacters } from 'node:util';
import type { ToolOutcome } from '../../domain/hands.ts';
import {
  abortGraceMs,
  bashOutputBytesMax,
  bashTimeoutMsDefault,
  bashTimeoutMsMax,
} from '../../domain/limits.ts';
import type { Sandbox, SandboxProcess } from '../../domain/sandbox.ts';
import type { ToolInput } from './input.ts';
import { numberOf, textOf } from './input.ts';
import type { LastBytes } from './last-bytes.ts';
import { createLastBytes } from './last-bytes.ts';
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
    const command = textOf(input, 'command') ?? '';
    if (input['restart'] === true) {
      if (shell) await stop(sandbox, shell);
      shell = null;
      if (command === '') return said('bash session restarted');
    }
    if (command === '') return failed('bash: command is required');
    const used = shell ?? start();
    shell = used;
    const timeoutMs = Math.min(numberOf(input, 'timeout_ms') || bashTimeoutMsDefault, bashTimeoutMsMax);
    const output = createLastBytes(bashOutputBytesMax);
    const ended = await runIn(used, command, { output: output.add, timeoutMs, signal });
    if (ended.type === 'timeout' || ended.type === 'aborted') {
      await stop(sandbox, used);
      shell = null;
    }
    return outcomeOf(ended, textIn(output), timeoutMs);
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

/**
 * Ends whatever the shell started, in whatever session: a process group would not reach all of it.
 * A sandbox that does not manage that in time goes as a whole.
 */
async function stop(sandbox: Sandbox, shell: Shell): Promise<void> {
  sandbox.killAll();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(() => {
      void sandbox.destroy();
      resolve();
    }, abortGraceMs);
  });
  await Promise.race([shell.process.exited, late]).finally(() => clearTimeout(timer));
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
    // The newlines: bash 5.2 no longer knows `{` after an eval that ended in a continued line.
    shell.process.write(
      Buffer.from(
        `{ eval ${quoted(`${command}\n\n`)}\n} </dev/null 9>&-; builtin printf '${nonce} %d\\n' "$?" >&9\n`,
      ),
    );
  });
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** The texts are the reference runner's; what a stopped command had printed comes before them. */
function outcomeOf(ended: Ended, output: string, timeoutMs: number): ToolOutcome {
  const before = output === '' ? '' : `${output}\n`;
  switch (ended.type) {
    case 'done':
      return ended.code === 0 ? said(output) : failed(output || `exit ${ended.code}`);
    case 'exited':
      return failed(`${before}bash: bash session terminated`);
    case 'timeout':
      return failed(`${before}bash: bash command timed out after ${timeoutMs}ms`);
    case 'aborted':
      return failed(`${before}bash: aborted`);
  }
}

function textIn(output: LastBytes): string {
  const text = withoutFinalNewlines(stripVTControlCharacters(decode(output.bytes())));
  return output.isCut ? `[output truncated]\n${text}` : text;
}

/** Not a regular expression: on many newlines in the middle one would try each as the beginning of the end. */
function withoutFinalNewlines(text: string): string {
  let end = text.length;
  while (text[end - 1] === '\n') end -= 1;
  return text.slice(0, end);
}
