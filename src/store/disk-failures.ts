import Database from 'better-sqlite3';
import { databaseRetrySeconds } from '../domain/limits.ts';
import { Refusal } from '../protocol/refusal.ts';

/** Of SQLite and of files: no room, no right, no answer. */
const codes = /^(SQLITE_(FULL|IOERR|BUSY|READONLY|CANTOPEN)|ENOSPC|EDQUOT|EROFS|EIO)/;
const full = /^(SQLITE_FULL|ENOSPC|EDQUOT)/;

/** What whoever wanted to write may try again once somebody has made room; `null` for anything else, which is a bug. */
export function diskFailureOf(cause: unknown): Refusal | null {
  const code = codeOf(cause);
  if (!codes.test(code)) return null;
  const reason = full.test(code) ? 'the disk is full' : `the disk does not take it (${code})`;
  return new Refusal('unavailable', `The server cannot store anything at the moment: ${reason}`, {
    retryAfterSeconds: databaseRetrySeconds,
    cause,
  });
}

function codeOf(cause: unknown): string {
  if (cause instanceof Database.SqliteError) return cause.code;
  return cause instanceof Error && 'code' in cause ? String(cause.code) : '';
}
