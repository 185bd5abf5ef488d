import { execFile } from 'node:child_process';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { PlaceFile } from '../domain/files.ts';
import type { SandboxSpec } from '../domain/sandbox.ts';
import type { SessionResource } from '../protocol/session-resources.ts';
import type { Unplaced } from './uploads.ts';
import { placeFiles } from './uploads.ts';

/** What of a session's files outlives its sandboxes: directories of the host, bound at their place inside. */
export type Workspaces = {
  prepare(sessionId: string): Promise<SandboxSpec['mounts']>;
  /** Brings the files among the resources to their places, and takes away others; what failed is told. */
  place(sessionId: string, resources: readonly SessionResource[]): Promise<readonly Unplaced[]>;
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

export function createWorkspaces(directory: string, put: PlaceFile): Workspaces {
  /** By session, for one change of its files follows the other. */
  const placing = new Map<string, Promise<unknown>>();

  function place(sessionId: string, resources: readonly SessionResource[]): Promise<readonly Unplaced[]> {
    const at = join(directory, sessionId);
    return placeFiles(
      { directory: join(at, 'uploads'), record: join(at, 'uploads.json') },
      filesOf(resources),
      put,
    );
  }

  return {
    async place(sessionId, resources) {
      const before = placing.get(sessionId);
      const done = Promise.resolve(before).then(() => place(sessionId, resources));
      const settled = done.catch(() => undefined);
      placing.set(sessionId, settled);
      try {
        return await done;
      } finally {
        if (placing.get(sessionId) === settled) placing.delete(sessionId);
      }
    },
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
      await placing.get(sessionId);
      await removeTree(join(directory, sessionId));
    },
  };
}

const uploads = '/mnt/session/uploads/';

/** Ids of the copies by path below the uploads directory. */
function filesOf(resources: readonly SessionResource[]): ReadonlyMap<string, string> {
  return new Map(
    resources.flatMap((resource) =>
      resource.type === 'file' ? [[resource.mount_path.slice(uploads.length), resource.file_id]] : [],
    ),
  );
}

/** An agent can make trees deeper than a path may be long, and directories that nobody may enter. */
export async function removeTree(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true, maxRetries: 3 }).catch(() => removeStubborn(path));
}

async function removeStubborn(path: string): Promise<void> {
  await run('chmod', ['-R', 'u+rwX', '--', path]).catch(() => undefined);
  await run('rm', ['-rf', '--', path]);
}
