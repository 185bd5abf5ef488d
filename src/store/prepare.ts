import type { CompiledQuery } from 'kysely';

/** Stands where a value will be bound. */
class Placeholder {
  readonly name: string;
  constructor(name: string) {
    this.name = name;
  }
}

/**
 * A query compiled once, for the statements every turn runs: building SQL costs more than running it.
 * `make` sees placeholders instead of values, so it may place them but not compute with them.
 */
export function prepare<Values extends object, Row>(
  make: (values: Values) => CompiledQuery<Row>,
): (values: Values) => CompiledQuery<Row> {
  let compiled: CompiledQuery<Row> | null = null;
  return (values) => {
    compiled ??= make(placeholders<Values>());
    const { sql, query, queryId, parameters } = compiled;
    const bind = (parameter: unknown) =>
      parameter instanceof Placeholder ? values[parameter.name as keyof Values] : parameter;
    return { sql, query, queryId, parameters: parameters.map(bind) };
  };
}

function placeholders<Values extends object>(): Values {
  // Kysely passes values through untouched, so a placeholder may pose as any of them.
  return new Proxy({}, { get: (_, name) => new Placeholder(String(name)) }) as Values;
}

/** Makes what there is for each key once; for keys of which there are few. */
export function kept<Key, Value>(make: (key: Key) => Value): (key: Key) => Value {
  const values = new Map<Key, Value>();
  return (key) => {
    const known = values.get(key) ?? make(key);
    values.set(key, known);
    return known;
  };
}
