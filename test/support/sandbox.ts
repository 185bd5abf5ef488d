import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Sandbox, SandboxProvider, SandboxSpec } from '../../src/domain/sandbox.ts';
import { findBubblewrap } from '../../src/hands/bubblewrap/install.ts';
import { createBubblewrapProvider } from '../../src/hands/bubblewrap/provider.ts';

const mebibyte = 1024 * 1024;

/** A temporary directory that is gone after the test. */
export function temporaryDirectory(): { readonly path: string; [Symbol.dispose](): void } {
  const path = mkdtempSync(join(tmpdir(), 'anthill-test-'));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

export function bubblewrapProvider(dataDir: string): SandboxProvider {
  const bubblewrap = findBubblewrap(process.env['PATH'] ?? '');
  if (bubblewrap === null)
    throw new Error('bubblewrap is not installed: run `apt-get install bubblewrap` as root');
  return createBubblewrapProvider({ bubblewrap, dataDir, isRoot: process.getuid?.() === 0 });
}

/** A specification with a workspace, uploads and outputs below `directory`. */
export function specIn(
  directory: string,
  id: string,
  limits: Partial<SandboxSpec['limits']> = {},
): SandboxSpec {
  const mounts = [
    { name: 'workspace', sandbox: '/workspace', readOnly: false },
    { name: 'uploads', sandbox: '/mnt/session/uploads', readOnly: true },
    { name: 'outputs', sandbox: '/mnt/session/outputs', readOnly: false },
    { name: 'tool_outputs', sandbox: '/mnt/session/tool_outputs', readOnly: false },
  ].map(({ name, ...mount }) => ({ ...mount, host: join(directory, id, name) }));
  for (const { host } of mounts) mkdirSync(host, { recursive: true, mode: 0o700 });
  return {
    id,
    mounts,
    environment: {},
    door: null,
    limits: {
      memoryBytesMax: 256 * mebibyte,
      processesMax: 64,
      fileBytesMax: 64 * mebibyte,
      openFilesMax: 256,
      ...limits,
    },
  };
}

/** Runs a bash script in a sandbox and returns what it printed. */
export async function bashIn(
  sandbox: Sandbox,
  script: string,
  args: readonly string[] = [],
): Promise<string> {
  let output = '';
  const collect = (bytes: Uint8Array) => {
    output += Buffer.from(bytes).toString();
  };
  const running = sandbox.exec({
    argv: ['/bin/bash', '-c', script, 'attempt', ...args],
    onStdout: collect,
    onStderr: collect,
  });
  running.endInput();
  await running.exited;
  return output;
}
