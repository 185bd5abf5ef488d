import { createGate } from '../base/gate.ts';
import type { ToolOutcome, ToolRequest } from '../domain/hands.ts';
import {
  toolCallsAtOnceMax,
  toolOutputCharactersMax,
  toolPreviewCharacters,
  toolTimeoutMs,
} from '../domain/limits.ts';
import type { Sandbox } from '../domain/sandbox.ts';
import { SandboxFileError } from './supervisor/sandbox.ts';
import { createBash } from './tools/bash.ts';
import { edit, read, write } from './tools/files.ts';
import { inputProblem } from './tools/input.ts';
import { failed } from './tools/outcome.ts';
import { createSearch } from './tools/search.ts';

/** The built-in tools over one sandbox. */
export type Toolbox = {
  run(request: ToolRequest, signal: AbortSignal): Promise<ToolOutcome>;
  /** What is too long for the model goes to a file in the sandbox. */
  spill(request: ToolRequest, outcome: ToolOutcome): Promise<ToolOutcome>;
};

export function createToolbox(sandbox: Sandbox): Toolbox {
  const bash = createBash(sandbox);
  const search = createSearch(sandbox);
  const gate = createGate(toolCallsAtOnceMax);

  function call({ name, input }: ToolRequest, signal: AbortSignal): Promise<ToolOutcome> {
    switch (name) {
      case 'read':
        return read(sandbox, input, signal);
      case 'write':
        return write(sandbox, input);
      case 'edit':
        return edit(sandbox, input);
      case 'glob':
        return search.glob(input, signal);
      case 'grep':
        return search.grep(input, signal);
      default:
        return Promise.resolve(failed(`the tool ${name} is not available`));
    }
  }

  return {
    spill: (request, outcome) => spilled(sandbox, request, outcome),
    async run(request, signal) {
      const problem = inputProblem(request.name, request.input);
      if (problem !== null) return failed(`${request.name}: ${problem}`);
      try {
        // bash has time limits of its own, and its calls already wait for each other.
        const outcome =
          request.name === 'bash'
            ? await bash.run(request.input, signal)
            : await gate(() => within((limit) => call(request, limit), { name: request.name, signal }));
        return await spilled(sandbox, request, outcome);
      } catch (cause) {
        if (!(cause instanceof SandboxFileError)) throw cause;
        return failed(`${request.name}: ${subjectOf(request)}${cause.reason}`);
      }
    },
  };
}

/** The path as the model gave it, for a message about it. */
function subjectOf({ input }: ToolRequest): string {
  const path = input['file_path'] ?? input['path'];
  return typeof path === 'string' ? `${path}: ` : '';
}

type Bounds = { readonly name: string; readonly signal: AbortSignal };

/** An end for every call: what it started in the sandbox is killed through the signal it is given. */
async function within(
  call: (signal: AbortSignal) => Promise<ToolOutcome>,
  { name, signal }: Bounds,
): Promise<ToolOutcome> {
  const timeout = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<ToolOutcome>((resolve) => {
    timer = setTimeout(() => {
      resolve(failed(`${name}: timed out after ${toolTimeoutMs} ms`));
      timeout.abort();
    }, toolTimeoutMs);
  });
  const called = call(AbortSignal.any([signal, timeout.signal])).catch((cause: unknown) => {
    if (signal.aborted) return failed(`${name}: aborted`);
    throw cause;
  });
  return await Promise.race([called, late]).finally(() => clearTimeout(timer));
}

/** Whether text has to be spilled. */
export function isTooLong({ content }: ToolOutcome): boolean {
  const characters = content.reduce((sum, block) => sum + (block.type === 'text' ? block.text.length : 0), 0);
  return characters > toolOutputCharactersMax;
}

/** Long output goes to a file in the sandbox; the model gets its beginning and the path. */
async function spilled(sandbox: Sandbox, request: ToolRequest, outcome: ToolOutcome): Promise<ToolOutcome> {
  // grep cuts its own output and says so: there is no full text to keep.
  if (request.name === 'grep' || !isTooLong(outcome)) return outcome;
  const whole = outcome.content.flatMap((block) => (block.type === 'text' ? [block.text] : [])).join('\n');
  const path = `/mnt/session/tool_outputs/${request.eventId}.txt`;
  const where = await sandbox.writeFile(path, Buffer.from(whole)).then(
    () => `the full text is in ${path}`,
    (cause: unknown) =>
      `the full text could not be stored: ${cause instanceof Error ? cause.message : cause}`,
  );
  const preview = whole.slice(0, toolPreviewCharacters).toWellFormed();
  const text = `${preview}\n\n[${whole.length} characters in all; ${where}]`;
  const others = outcome.content.filter(({ type }) => type !== 'text');
  return { ...outcome, content: [{ type: 'text', text }, ...others] };
}
