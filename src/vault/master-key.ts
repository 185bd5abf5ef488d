import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SecretPlace } from '../domain/sealing.ts';
import { writeDurably } from './durable-files.ts';
import { createSeal, masterKeyBytes, unseal } from './sealing.ts';

/** The key is missing, damaged, or not the one of this data directory. */
export class WrongMasterKey extends Error {}

/** Where the check is sealed for: no vault has these ids. */
const checkPlace: SecretPlace = { vaultId: 'vlt_', credentialId: 'vcrd_', field: 'token' };
const checkWord = 'anthill';

/** The files of the key of a data directory. */
export function masterKeyFiles(dataDir: string): { readonly key: string; readonly check: string } {
  return { key: join(dataDir, 'master.key'), check: join(dataDir, 'master.check') };
}

/**
 * The key of this data directory: `preset`, else the one in `master.key`, else a new one. `master.check`
 * holds a known word sealed with it, so that a wrong key is noticed at start and not when a secret is
 * needed. Throws `WrongMasterKey`.
 */
export function openMasterKey(dataDir: string, preset: Uint8Array | null): Uint8Array {
  const { check } = masterKeyFiles(dataDir);
  const key = preset ?? keptKey(dataDir) ?? newKey(dataDir, existsSync(check));
  if (!existsSync(check)) {
    writeDurably(check, checkOf(key));
    return key;
  }
  try {
    unseal(key, readFileSync(check, 'utf8').trim(), checkPlace);
    return key;
  } catch (cause) {
    throw wrongKey(dataDir, 'is not the one that its credentials were sealed with', cause);
  }
}

/** `preset`, else the one in `master.key`, else null; nothing is made. Throws `WrongMasterKey` when that is damaged. */
export function knownMasterKey(dataDir: string, preset: Uint8Array | null): Uint8Array | null {
  return preset ?? keptKey(dataDir);
}

/** Whether `master.check` was made with this key; false as well when there is none. */
export function isMasterKey(dataDir: string, key: Uint8Array): boolean {
  const { check } = masterKeyFiles(dataDir);
  return existsSync(check) && opensCheck(key, readFileSync(check, 'utf8').trim());
}

/** A known word sealed with the key: no two are the same. */
export function checkOf(key: Uint8Array): string {
  return createSeal(key)(checkWord, checkPlace);
}

export function opensCheck(key: Uint8Array, check: string): boolean {
  try {
    unseal(key, check, checkPlace);
    return true;
  } catch {
    return false;
  }
}

/** 32 bytes from base64, or `null` when the text is anything else. */
export function parseMasterKey(text: string): Uint8Array | null {
  if (!/^[A-Za-z0-9+/_-]{43}=?$/.test(text)) return null;
  const key = Buffer.from(text, 'base64');
  return key.length === masterKeyBytes ? key : null;
}

export function printMasterKey(key: Uint8Array): string {
  return Buffer.from(key).toString('base64');
}

function keptKey(dataDir: string): Uint8Array | null {
  const { key: path } = masterKeyFiles(dataDir);
  if (!existsSync(path)) return null;
  const key = parseMasterKey(readFileSync(path, 'utf8').trim());
  // A damaged key is not replaced: somebody may still have the whole one.
  if (!key) throw wrongKey(dataDir, 'is not 32 bytes as base64');
  return key;
}

function newKey(dataDir: string, isMissed: boolean): Uint8Array {
  if (isMissed) throw wrongKey(dataDir, 'is missing');
  const key = randomBytes(masterKeyBytes);
  writeDurably(masterKeyFiles(dataDir).key, printMasterKey(key));
  return key;
}

function wrongKey(dataDir: string, problem: string, cause?: unknown): WrongMasterKey {
  return new WrongMasterKey(
    `the master key (ANTHILL_MASTER_KEY or ${masterKeyFiles(dataDir).key}) ${problem}; restore it, or delete master.key and master.check there to give up every stored secret`,
    { cause },
  );
}
