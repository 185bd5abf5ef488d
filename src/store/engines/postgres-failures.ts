import { DatabaseError } from 'pg';
import { databaseRetrySeconds } from '../../domain/limits.ts';
import { Refusal } from '../../protocol/refusal.ts';

/** serialization_failure, deadlock_detected, unique_violation: done again, work finds what was faster. */
const races: readonly string[] = ['40001', '40P01', '23505'];
/** Shutting down, crashed, starting, no room for another connection, no such database any more, silent in a transaction for too long. */
const absences: readonly string[] = ['57P01', '57P02', '57P03', '53300', '57P04', '25P03'];

/** Somebody else was faster, or two waited for each other. */
export function isRace(cause: unknown): boolean {
  return cause instanceof DatabaseError && races.includes(cause.code ?? '');
}

/** What a query failed with, or the refusal of whoever asked while the database could not be reached. */
export function failureOf(cause: unknown): unknown {
  // What does not come from the database comes from the way to it.
  const isAnswer = cause instanceof DatabaseError && !isAbsence(cause.code ?? '');
  if (isAnswer) return cause;
  return new Refusal('unavailable', 'The database cannot be reached at the moment; try again', {
    retryAfterSeconds: databaseRetrySeconds,
    cause,
  });
}

/** invalid_sql_statement_name, duplicate_prepared_statement: somebody else used this connection meanwhile. */
export function isUnprepared(cause: unknown): boolean {
  return cause instanceof DatabaseError && (cause.code === '26000' || cause.code === '42P05');
}

/** The way to the database is broken, or the database does not answer. */
export function isAway(cause: unknown): boolean {
  return cause instanceof Refusal && cause.code === 'unavailable';
}

function isAbsence(code: string): boolean {
  return absences.includes(code) || code.startsWith('08');
}
