import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseYaml } from '../../src/base/yaml.ts';

export type Service = {
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly ports?: readonly string[];
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly stop_grace_period?: string;
};

const file = join(import.meta.dirname, '../../deploy/docker-compose.yml');

/** The services of deploy/docker-compose.yml. */
export function composeServices(): Readonly<Record<string, Service>> {
  const { services } = parseYaml(readFileSync(file, 'utf8')) as { services: Record<string, Service> };
  return merged(services);
}

/** A YAML reader that knows no merge keys leaves `<<` as it is. */
function merged<T extends object>(value: T): T {
  const below = Object.entries(value).map(([name, one]) => [name, isRecord(one) ? merged(one) : one]);
  const plain = Object.fromEntries(below);
  const { '<<': base, ...own } = plain;
  return isRecord(base) ? { ...base, ...own } : own;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Variables of a service with those of whoever starts it put in, as docker compose does: `${A:?}` must be there, `${A:-b}` need not. */
export function filledIn(
  variables: Readonly<Record<string, string>>,
  given: Readonly<Record<string, string>>,
): Record<string, string> {
  const fill = (text: string) =>
    text.replace(/\$\{(\w+):([?-])([^}]*)\}/g, (_, name: string, kind: string, otherwise: string) => {
      if (given[name]) return given[name];
      if (kind === '?') throw new Error(`${name} must be set`);
      return otherwise;
    });
  return Object.fromEntries(Object.entries(variables).map(([name, text]) => [name, fill(text)]));
}
