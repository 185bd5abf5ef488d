import { parse, stringify } from 'yaml';

/** One YAML (or JSON) document. Throws with the position of the first mistake. */
export function parseYaml(text: string): unknown {
  const value: unknown = parse(text, { prettyErrors: true, maxAliasCount: 100 });
  return value;
}

export function toYaml(value: unknown): string {
  return stringify(value);
}
