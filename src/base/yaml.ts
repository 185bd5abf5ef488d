import { parse, stringify } from 'yaml';

/** One YAML (or JSON) document. Throws with the position of the first mistake. */
export function parseYaml(text: string): unknown {
  // Warnings would go to standard error, and the text may be anybody's.
  const value: unknown = parse(text, { prettyErrors: true, maxAliasCount: 100, logLevel: 'error' });
  return value;
}

export function toYaml(value: unknown): string {
  return stringify(value);
}
