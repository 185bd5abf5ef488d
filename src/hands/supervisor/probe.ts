import type { SandboxSpec } from '../../domain/sandbox.ts';

/** A small sandbox, made to see whether sandboxes can be made. */
export function probeSpec(host: string): SandboxSpec {
  return {
    id: 'probe',
    mounts: [{ host, sandbox: '/workspace', readOnly: false }],
    environment: {},
    door: null,
    limits: {
      memoryBytesMax: 64 * 1024 * 1024,
      processesMax: 16,
      fileBytesMax: 1024 * 1024,
      openFilesMax: 64,
    },
  };
}
