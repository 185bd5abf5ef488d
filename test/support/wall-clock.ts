import { globSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The clock on the wall of processes that are started with its settings; what counts seconds since the start goes on as ever. */
export type WallClock = {
  readonly settings: Readonly<Record<string, string>>;
  /** Seconds before the real time (negative: behind it), from now on. */
  set(aheadSeconds: number): void;
  remove(): void;
};

export function wallClock(): WallClock {
  const directory = mkdtempSync(join(tmpdir(), 'anthill-clock-'));
  const file = join(directory, 'time');
  const [library] = globSync('/usr/lib/*/faketime/libfaketime.so.1');
  if (library === undefined) throw new Error('libfaketime is missing: apt-get install faketime');
  function set(aheadSeconds: number): void {
    writeFileSync(`${file}.new`, `${aheadSeconds < 0 ? '' : '+'}${aheadSeconds}`);
    renameSync(`${file}.new`, file);
  }
  set(0);
  return {
    settings: {
      LD_PRELOAD: library,
      FAKETIME_TIMESTAMP_FILE: file,
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
    },
    set,
    remove: () => rmSync(directory, { recursive: true }),
  };
}
