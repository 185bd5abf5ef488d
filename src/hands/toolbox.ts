import type { ToolOutcome, ToolRequest } from '../domain/hands.ts';
import { toolOutputCharactersMax, toolPreviewCharacters, toolTimeoutMs } from '../domain/limits.ts';
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

  function call({ name, input }: ToolRequest, signal: AbortSignal): Promise<ToolOutcome> {
    switch (name) {
      case 'bash':
        return bash.run(input, signal);
      case 'read':
        return read(sandbox, input);
      case 'write':
        return write(sandbox, input);
      case 'edit':
        return edit(sandbox, input);
      case 'glob':
        return search.glob(input);
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
        // bash has time limits of its own.
        const outcome =
          request.name === 'bash' ? await call(request, signal) : await within(call(request, signal));
        return await spilled(sandbox, request, outcome);
      } catch (cause) {
        if (cause instanceof SandboxFileError) return failed(`${request.name}: ${cause.message}`);
        throw cause;
      }
    },
  };
}

async function within(call: Promise<ToolOutcome>): Promise<ToolOutcome> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<ToolOutcome>((resolve) => {
    timer = setTimeout(() => resolve(failed(`timed out after ${toolTimeoutMs} ms`)), toolTimeoutMs);
  });
  return await Promise.race([call, late]).finally(() => clearTimeout(timer));
}

/** Long output goes to a file in the sandbox; the model gets its beginning and the path. */
async function spilled(sandbox: Sandbox, request: ToolRequest, outcome: ToolOutcome): Promise<ToolOutcome> {
  const [block] = outcome.content;
  if (block?.type !== 'text' || block.text.length <= toolOutputCharactersMax) return outcome;
  const path = `/mnt/session/tool_outputs/${request.eventId}.txt`;
  await sandbox.writeFile(path, Buffer.from(block.text));
  const preview = block.text.slice(0, toolPreviewCharacters).toWellFormed();
  const text = `${preview}\n\n[${block.text.length} characters in all; the full output is in ${path}]`;
  return { ...outcome, content: [{ type: 'text', text }] };
}
