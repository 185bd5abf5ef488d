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
export type Toolbox = { run(request: ToolRequest, signal: AbortSignal): Promise<ToolOutcome> };

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

/** Long output goes to a file in the sandbox; the model gets its beginning and the path. */
async function spilled(sandbox: Sandbox, request: ToolRequest, outcome: ToolOutcome): Promise<ToolOutcome> {
  // grep cuts its own output and says so: there is no full text to keep.
  if (request.name === 'grep') return outcome;
  const [block] = outcome.content;
  if (block?.type !== 'text' || block.text.length <= toolOutputCharactersMax) return outcome;
  const path = `/mnt/session/tool_outputs/${request.eventId}.txt`;
  const where = await sandbox.writeFile(path, Buffer.from(block.text)).then(
    () => `the full text is in ${path}`,
    (cause: unknown) =>
      `the full text could not be stored: ${cause instanceof Error ? cause.message : cause}`,
  );
  const preview = block.text.slice(0, toolPreviewCharacters).toWellFormed();
  const text = `${preview}\n\n[${block.text.length} characters in all; ${where}]`;
  return { ...outcome, content: [{ type: 'text', text }] };
}
