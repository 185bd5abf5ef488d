import { execFile } from 'node:child_process';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { SandboxSpec } from '../domain/sandbox.ts';

/** What of a session's files outlives its sandboxes: directories of the host, bound at their place inside. */
export type Workspaces = {
  prepare(sessionId: string): Promise<SandboxSpec['mounts']>;
  discard(sessionId: string): Promise<void>;
};

const run = promisify(execFile);

const bound = [
  { name: 'workspace', sandbox: '/workspace', readOnly: false },
  { name: 'uploads', sandbox: '/mnt/session/uploads', readOnly: true },
  { name: 'outputs', sandbox: '/mnt/session/outputs', readOnly: false },
  { name: 'tool_outputs', sandbox: '/mnt/session/tool_outputs', readOnly: false },
  { name: 'home', sandbox: '/root', readOnly: false },
  { name: 'tmp', sandbox: '/tmp', readOnly: false },
] as const;

export function createWorkspaces(directory: string): Workspaces {
  return {
    async prepare(sessionId) {
      const mounts = bound.map(({ name, sandbox, readOnly }) => ({
        host: join(directory, sessionId, name),
        sandbox,
        readOnly,
      }));
      await Promise.all(mounts.map(({ host }) => mkdir(host, { recursive: true, mode: 0o700 })));
      return mounts;
    },
    async discard(sessionId) {
      const path = join(directory, sessionId);
      await rm(path, { recursive: true, force: true, maxRetries: 3 }).catch(() => removeStubborn(path));
    },
  };
}

/** An agent can make trees deeper than a path may be long, and directories that nobody may enter. */
async function removeStubborn(path: string): Promise<void> {
  await run('chmod', ['-R', 'u+rwX', '--', path]).catch(() => undefined);
  await run('rm', ['-rf', '--', path]);
}
