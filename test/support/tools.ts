import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { EventId } from '../../src/base/ids.ts';
import type { ToolOutcome } from '../../src/domain/hands.ts';
import type { Sandbox } from '../../src/domain/sandbox.ts';
import { createToolbox } from '../../src/hands/toolbox.ts';
import { bubblewrapProvider, specIn, temporaryDirectory } from './sandbox.ts';

/** What a tool said, for comparing: its text, or `null` when it answered with something else. */
export type Answer = { readonly text: string | null; readonly isError: boolean };

export type Tools = {
  readonly sandbox: Sandbox;
  /** The workspace as the host sees it. */
  readonly workspace: string;
  put(path: string, content: string | Uint8Array): void;
  run(name: string, input: Readonly<Record<string, unknown>>, signal?: AbortSignal): Promise<ToolOutcome>;
  call(name: string, input: Readonly<Record<string, unknown>>, signal?: AbortSignal): Promise<Answer>;
  bash(command: string, input?: Readonly<Record<string, unknown>>): Promise<Answer>;
  close(): Promise<void>;
};

/** The built-in tools in a real sandbox of their own. */
export async function openTools(): Promise<Tools> {
  const directory = temporaryDirectory();
  const spec = specIn(directory.path, 'session', { fileBytesMax: 2 ** 34 });
  const workspace = spec.mounts[0]?.host ?? '';
  const provider = bubblewrapProvider(join(directory.path, 'data'));
  const sandbox = await provider.provision(spec, AbortSignal.timeout(20_000));
  const toolbox = createToolbox(sandbox);
  const never = new AbortController().signal;

  const run: Tools['run'] = (name, input, signal = never) =>
    toolbox.run({ eventId: 'sevt_1' as EventId, name, input }, signal);
  const call: Tools['call'] = async (...request) => answerOf(await run(...request));
  return {
    sandbox,
    workspace,
    put: (path, content) => writeFileSync(join(workspace, path), content),
    run,
    call,
    bash: (command, input = {}) => call('bash', { command, ...input }),
    async close() {
      await sandbox.destroy();
      directory[Symbol.dispose]();
    },
  };
}

export function answerOf({ content: [block], isError }: ToolOutcome): Answer {
  return { text: block?.type === 'text' ? block.text : null, isError };
}

export const answered = (text: string): Answer => ({ text, isError: false });
export const refused = (text: string): Answer => ({ text, isError: true });
