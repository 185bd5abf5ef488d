import { createHash } from 'node:crypto';
import { preparedStatementsMax } from '../../domain/limits.ts';
import { numbered } from './postgres-dialect.ts';
import { isUnprepared } from './postgres-failures.ts';

/** In the dialect of PostgreSQL. Under its name a connection plans it once. */
type Statement = { readonly text: string; readonly name?: string };

export type Statements = {
  of(sql: string): Statement;
  /** Whether names work is found out by using them. */
  noteFailure(cause: unknown): void;
};

/** Without names. */
export const plain: Statements = { of: (sql) => ({ text: numbered(sql) }), noteFailure() {} };

/**
 * The first ones get a name that says what they are: a pooler that shares connections between clients without knowing
 * of prepared statements could otherwise lead one client's name to another one's statement. There no names are used
 * from the first failure on.
 */
export function createStatements(): Statements {
  const known = new Map<string, Statement>();
  let areNamed = true;
  return {
    of(sql) {
      const statement = known.get(sql);
      if (statement) return statement;
      const text = numbered(sql);
      // Lists of any length in a filter would each leave a statement behind.
      if (known.size >= preparedStatementsMax) return { text };
      const made = areNamed ? { text, name: nameOf(text) } : { text };
      known.set(sql, made);
      return made;
    },
    noteFailure(cause) {
      if (!areNamed || !isUnprepared(cause)) return;
      areNamed = false;
      known.clear();
    },
  };
}

function nameOf(text: string): string {
  return `anthill_${createHash('sha256').update(text).digest('base64url').slice(0, 32)}`;
}
