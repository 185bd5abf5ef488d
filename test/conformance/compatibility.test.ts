import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import type { RouteKey } from '../../src/protocol/routes.ts';
import { routes } from '../../src/protocol/routes.ts';

const root = join(import.meta.dirname, '../..');
const page = readFileSync(join(root, 'docs/compatibility.md'), 'utf8');

type Row = { readonly endpoint: string; readonly operations: readonly string[]; readonly proof: string };

/** docs/compatibility.md against the route table, the SDK and the tests it names. */
describe('docs/compatibility.md', () => {
  const served = rowsBelow('## Endpoints').map(([endpoint, operations, proof]): Row => {
    return { endpoint: endpoint ?? '', operations: codes(operations), proof: codes(proof)[0] ?? '' };
  });
  const notServed = rowsBelow('## Operations of the SDK that are not served').flatMap(([names]) =>
    codes(names),
  );

  test('has a row for every route, under its path and the name of its operation', () => {
    const rows = new Map(
      served.flatMap((row) => codes(row.endpoint).map((endpoint): [string, Row] => [endpoint, row])),
    );
    for (const [key, route] of Object.entries(routes)) {
      const row = rows.get(`${route.method} ${shortPath(route.path)}`);
      assert.ok(row, `no row for ${route.method} ${shortPath(route.path)}`);
      assert.ok(row.operations.includes(operation(key)), `${operation(key)} in the row of ${row.endpoint}`);
    }
  });

  test('names in each row a test that makes this call', () => {
    for (const { endpoint, operations, proof } of served) {
      assert.ok(existsSync(join(root, proof)), `${endpoint}: the test ${proof}`);
      const text = readFileSync(join(root, proof), 'utf8');
      const calls = [...operations.map((name) => name.split('.').slice(-1)[0] ?? ''), ...codes(endpoint)];
      assert.ok(
        calls.some((call) => text.includes(`.${call}(`) || text.includes(call)),
        `${proof} calls none of ${calls.join(', ')}`,
      );
    }
  });

  test('has a row for every operation of the SDK, and for none twice', () => {
    const named = new Set(served.flatMap(({ operations }) => operations));
    const patterns = notServed.map((name) => ({ name, matches: matcher(name), isUsed: false }));
    for (const name of operationsOf(new Anthropic({ apiKey: 'none' }))) {
      const pattern = patterns.find(({ matches }) => matches.test(name));
      if (pattern) pattern.isUsed = true;
      assert.notEqual(named.has(name), pattern !== undefined, `${name}: served or not, and not both`);
    }
    assert.deepEqual(
      patterns.filter(({ isUsed }) => !isUsed).map(({ name }) => name),
      [],
    );
  });

  test('names no operation that the SDK does not have', () => {
    const all = new Set(operationsOf(new Anthropic({ apiKey: 'none' })));
    const ours = served.flatMap(({ operations }) => operations).filter((name) => !all.has(name));
    // Operations of Anthill's own are said to be so.
    assert.deepEqual(
      ours.filter((name) => !page.includes(`\`${name}\` (ours)`)),
      [],
    );
  });
});

/** The rows of the first table below a heading, cell by cell. */
function rowsBelow(heading: string): readonly (readonly string[])[] {
  const start = page.indexOf(`\n${heading}\n`);
  assert.notEqual(start, -1, heading);
  const lines = page.slice(start).split('\n').slice(2);
  const first = lines.findIndex((line) => line.startsWith('|'));
  const length = lines.slice(first).findIndex((line) => !line.startsWith('|'));
  return lines.slice(first + 2, first + length).map((line) =>
    line
      .slice(1, -1)
      .split('|')
      .map((cell) => cell.trim()),
  );
}

function codes(cell = ''): string[] {
  return [...cell.matchAll(/`([^`]+)`/g)].map(([, code = '']) => code);
}

/** `/v1/agents/:agent_id/versions` is written `/v1/agents/{agent_id}/versions`. */
function shortPath(path: string): string {
  return path.replace(/:(\w+)(\{\.\+\})?/g, '{$1}');
}

function operation(key: string): string {
  const { resource, action } = routes[key as RouteKey];
  return [...resource, action].join('.');
}

function matcher(pattern: string): RegExp {
  return new RegExp(`^${pattern.replaceAll('.', '\\.').replace(/\\\.\*$/, '\\..+')}$`);
}

/** Every method of every resource of a client: what it can ask a server for, and helpers around that. */
function operationsOf(client: Anthropic): string[] {
  const found: string[] = [];
  const walk = (resource: object, path: readonly string[]): void => {
    for (const name of Object.getOwnPropertyNames(Object.getPrototypeOf(resource)))
      if (name !== 'constructor' && !name.startsWith('_')) found.push([...path, name].join('.'));
    for (const [name, inner] of Object.entries(resource)) if (isResource(inner)) walk(inner, [...path, name]);
  };
  for (const [name, resource] of Object.entries(client)) if (isResource(resource)) walk(resource, [name]);
  return found;
}

function isResource(value: unknown): value is object {
  return typeof value === 'object' && value !== null && '_client' in value;
}
