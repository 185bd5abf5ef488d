import { once } from 'node:events';
import { createReadStream, existsSync } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Writable } from 'node:stream';
import { parseArgs } from 'node:util';
import { ConfigMistake } from '../config.ts';
import type { World } from '../world.ts';

export type ArchiveArguments = {
  /** `-` is standard input or output. */
  readonly file: string;
  /** Of the configuration. */
  readonly flags: string[];
  /** The words alone that were given, of those that the command has. */
  readonly switches: ReadonlySet<string>;
};

/** One word, the flags of the configuration, and those of the command, which have no value. */
export function archiveArguments(
  args: readonly string[],
  ofCommand: readonly string[] = [],
): ArchiveArguments {
  const string = { type: 'string' } as const;
  const boolean = { type: 'boolean' } as const;
  const own = Object.fromEntries(ofCommand.map((name) => [name, boolean]));
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: { ...own, data: string, config: string },
      allowPositionals: true,
      strict: true,
    });
    const [file, ...rest] = positionals;
    if (file === undefined || rest.length > 0) throw new Error('name one FILE, or - for a pipe');
    const given = Object.entries<string | boolean | undefined>(values);
    const flags = given.flatMap(([name, value]) => (typeof value === 'string' ? [`--${name}`, value] : []));
    const switches = new Set(given.flatMap(([name, value]) => (value === true ? [name] : [])));
    return { file, flags, switches };
  } catch (cause) {
    throw new ConfigMistake(cause instanceof Error ? cause.message : String(cause));
  }
}

export type ArchiveOutput = {
  write(bytes: Uint8Array): Promise<void>;
  /** It is whole: from now on it is there. */
  finish(): Promise<void>;
  giveUp(): Promise<void>;
};

/** A file that is there once it is whole, and never takes the place of another; or the standard output. */
export async function openOutput(path: string, { stdout }: World): Promise<ArchiveOutput> {
  if (path === '-') return outputTo(stdout);
  if (existsSync(path)) throw new ConfigMistake(`${path} is there already; choose another name`);
  const partial = `${path}.part`;
  const file = await open(partial, 'w', 0o600);
  return {
    async write(bytes) {
      for (let at = 0; at < bytes.byteLength; ) at += (await file.write(bytes, at)).bytesWritten;
    },
    async finish() {
      await file.sync();
      await file.close();
      await rename(partial, path);
      const folder = await open(dirname(path), 'r');
      await folder.sync().finally(() => folder.close());
    },
    async giveUp() {
      await file.close().catch(() => undefined);
      await rm(partial, { force: true });
    },
  };
}

function outputTo(stdout: Writable): ArchiveOutput {
  let failure: unknown = null;
  stdout.on('error', (cause) => {
    failure = cause;
  });
  return {
    async write(bytes) {
      if (failure !== null) throw failure;
      if (!stdout.write(bytes)) await once(stdout, 'drain');
    },
    finish: async () => {},
    giveUp: async () => {},
  };
}

export function openInput(path: string, { stdin }: World): AsyncIterable<Uint8Array> {
  if (path === '-') return stdin;
  if (!existsSync(path)) throw new ConfigMistake(`there is no file ${path}`);
  return createReadStream(path, { highWaterMark: 256 * 1024 });
}
