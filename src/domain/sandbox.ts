import type { SessionId } from '../base/ids.ts';

/** What a provider can do here, shown at start and by `anthill doctor`. */
export type SandboxCapabilities = {
  readonly provider: string;
  /** `null`: able to isolate. Otherwise one sentence saying what to install or change. */
  readonly unavailable: string | null;
  readonly isolation: readonly string[];
  readonly limits: readonly string[];
  /** What a door can be for; why there is none where that is so. */
  readonly network: string;
};

export type SandboxSpec = {
  readonly id: SessionId;
  /** Host directories bound at their sandbox path. */
  readonly mounts: readonly SandboxMount[];
  /** What programs see as their system; absent: that of the machine. */
  readonly system?: SandboxSystem;
  readonly environment: Readonly<Record<string, string>>;
  readonly limits: SandboxLimits;
  /** Unix socket that every connection of the sandbox is led to, see `hands/egress/`; null: it has no network. */
  readonly door: string | null;
};

export type SandboxMount = {
  readonly host: string;
  readonly sandbox: string;
  readonly readOnly: boolean;
  /** Of many sandboxes, so that none becomes its owner. */
  readonly isShared?: true;
};

/** A root file system that is no sandbox's own, see `hands/images/`. */
export type SandboxSystem = {
  /** Host directory with a whole system. */
  readonly image: string;
  /** Host directory with `upper`, what packages changed in it; null: nothing. */
  readonly layer: string | null;
  /** This sandbox makes the layer: as the system's root, it writes into it. */
  readonly isBuilt?: true;
};

export type SandboxLimits = {
  readonly memoryBytesMax: number;
  readonly processesMax: number;
  readonly fileBytesMax: number;
  readonly openFilesMax: number;
};

/** A running process group inside a sandbox. Output is untrusted bytes. */
export interface SandboxProcess {
  write(bytes: Uint8Array): void;
  endInput(): void;
  /** Signals the whole process group. */
  kill(signal: 'SIGINT' | 'SIGTERM' | 'SIGKILL'): void;
  /** Exit status, or the signal that ended it. Resolves when all output has been delivered. */
  readonly exited: Promise<{ readonly code: number | null; readonly signal: number | null }>;
}

export type ExecRequest = {
  readonly argv: readonly string[];
  readonly onStdout: (bytes: Uint8Array) => void;
  readonly onStderr: (bytes: Uint8Array) => void;
};

/** One isolated place. */
export interface Sandbox {
  exec(request: ExecRequest): SandboxProcess;
  /** Confined file access, done inside the sandbox: symlinks resolve there, never on the host. */
  readFile(path: string, bytesMax: number): Promise<FileRead>;
  writeFile(path: string, bytes: Uint8Array): Promise<void>;
  /** Kills every process but the supervisor: the only way to be sure of a whole tree. */
  killAll(): void;
  /** Resolves when every process of the sandbox is gone. Safe to call twice. */
  destroy(): Promise<void>;
  /** Settles when the sandbox is gone, for whatever reason. */
  readonly gone: Promise<void>;
}

export type FileRead = {
  readonly bytes: Uint8Array;
  /** Size of the file, which may be more than was read. */
  readonly sizeBytes: number;
  readonly kind: 'file' | 'directory' | 'other';
};

export interface SandboxProvider {
  capabilities(): Promise<SandboxCapabilities>;
  provision(spec: SandboxSpec, signal: AbortSignal): Promise<Sandbox>;
  /** Ends what an earlier process of this server left behind; returns how many sandboxes were ended. */
  sweep(): Promise<number>;
}
