import { randomBytes } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import type { SecretPlace } from '../domain/sealing.ts';
import { createSeal, masterKeyBytes, unseal } from './sealing.ts';

/** The key is missing, damaged, or not the one of this data directory. */
export class WrongMasterKey extends Error {}

/** Where the check is sealed for: no vault has these ids. */
const checkPlace: SecretPlace = { vaultId: 'vlt_', credentialId: 'vcrd_', field: 'token' };
const checkWord = 'anthill';

/**
 * The key of this data directory: `preset`, else the one in `master.key`, else a new one. `master.check`
 * holds a known word sealed with it, so that a wrong key is noticed at start and not when a secret is
 * needed. Throws `WrongMasterKey`.
 */
export function openMasterKey(dataDir: string, preset: Uint8Array | null): Uint8Array {
  const check = join(dataDir, 'master.check');
  const key = preset ?? keptKey(dataDir) ?? newKey(dataDir, existsSync(check));
  if (!existsSync(check)) {
    writeDurably(check, createSeal(key)(checkWord, checkPlace));
    return key;
  }
  try {
    unseal(key, readFileSync(check, 'utf8').trim(), checkPlace);
    return key;
  } catch (cause) {
    throw wrongKey(dataDir, 'is not the one that its credentials were sealed with', cause);
  }
}

/** 32 bytes from base64, or `null` when the text is anything else. */
export function parseMasterKey(text: string): Uint8Array | null {
  if (!/^[A-Za-z0-9+/_-]{43}=?$/.test(text)) return null;
  const key = Buffer.from(text, 'base64');
  return key.length === masterKeyBytes ? key : null;
}

function keptKey(dataDir: string): Uint8Array | null {
  const path = join(dataDir, 'master.key');
  if (!existsSync(path)) return null;
  const key = parseMasterKey(readFileSync(path, 'utf8').trim());
  // A damaged key is not replaced: somebody may still have the whole one.
  if (!key) throw wrongKey(dataDir, 'is not 32 bytes as base64');
  return key;
}

function newKey(dataDir: string, isMissed: boolean): Uint8Array {
  if (isMissed) throw wrongKey(dataDir, 'is missing');
  const key = randomBytes(masterKeyBytes);
  writeDurably(join(dataDir, 'master.key'), key.toString('base64'));
  return key;
}

function wrongKey(dataDir: string, problem: string, cause?: unknown): WrongMasterKey {
  return new WrongMasterKey(
    `the master key (ANTHILL_MASTER_KEY or ${join(dataDir, 'master.key')}) ${problem}; restore it, or delete master.key and master.check there to give up every stored secret`,
    { cause },
  );
}

/** 0600, whole or not at all, and on disk before anything is sealed with it. */
function writeDurably(path: string, text: string): void {
  const temporary = `${path}.new`;
  rmSync(temporary, { force: true });
  withFile(openSync(temporary, 'wx', 0o600), (file) => writeSync(file, `${text}\n`));
  renameSync(temporary, path);
  withFile(openSync(dirname(path), 'r'), () => {});
}

/** Writes, syncs and closes. */
function withFile(file: number, write: (file: number) => void): void {
  try {
    write(file);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
