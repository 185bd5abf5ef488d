import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import type { Route } from '../../src/protocol/route.ts';
import { routes } from '../../src/protocol/routes.ts';

const root = join(import.meta.dirname, '../..');
const page = readFileSync(join(root, 'docs/compatibility.md'), 'utf8');
const table: Readonly<Record<string, Route>> = routes;

type Row = { readonly endpoint: string; readonly operations: readonly string[]; readonly proof: string };

const served = rowsBelow('## Endpoints', 4).map(
  ([endpoint, operations, proof]): Row => ({
    endpoint: codes(endpoint).join(),
    operations: codes(operations),
    proof: codes(proof).join(),
  }),
);
const beyond = rowsBelow('### Beyond the SDK', 3).map(
  ([endpoint, proof]): Row => ({
    endpoint: codes(endpoint).join(),
    operations: [],
    proof: codes(proof).join(),
  }),
);
const notServed = rowsBelow('## Operations of the SDK that are not served', 2);
/** Served, and no line of the route table. */
const besides: readonly string[] = ['GET /health', 'GET /openapi.json', 'GET /docs'];

/** docs/compatibility.md against the route table, the SDK and the tests it names. */
describe('docs/compatibility.md', () => {
  test('has one row for every endpoint that is served, and for no other', () => {
    const endpoints = Object.values(table).map(({ method, path }) => `${method} ${bare(path)}`);
    assert.deepEqual(
      [...served, ...beyond].map(({ endpoint }) => bare(endpoint)).sort(),
      [...new Set([...endpoints, ...besides])].sort(),
    );
  });

  test('names the operations of each route that the SDK has', () => {
    for (const { method, path, resource, action } of Object.values(table)) {
      const operation = [...resource, action].join('.');
      if (!operations.has(operation)) continue;
      const row = served.find(({ endpoint }) => bare(endpoint) === `${method} ${bare(path)}`);
      assert.ok(row?.operations.includes(operation), `${operation} in the row of ${method} ${path}`);
    }
  });

  test('says of every operation of the SDK that it is served, or why it is not', () => {
    const named = served.flatMap((row) => row.operations);
    assert.deepEqual(named.toSorted(), [...new Set(named)].sort(), 'none twice');
    const patterns = notServed.flatMap(([names, why]) =>
      codes(names).map((name) => ({ name, why, pattern: patternOf(name) })),
    );
    const reasons = (operation: string) => patterns.filter(({ pattern }) => pattern.test(operation));
    for (const operation of operations.keys()) {
      const rows = Number(named.includes(operation)) + reasons(operation).length;
      assert.equal(rows, 1, `${operation} has ${rows} rows`);
    }
    for (const { name, why, pattern } of patterns) {
      assert.notEqual(why, '', name);
      assert.ok(
        [...operations.keys()].some((operation) => pattern.test(operation)),
        `no operation is ${name}`,
      );
    }
  });

  test('names operations that there are, each in the row of the endpoint that it reaches', async () => {
    for (const { endpoint, operations: names } of served) {
      assert.notDeepEqual(names, [], endpoint);
      for (const name of names) {
        assert.deepEqual([name, await reached(name)], [name, bare(endpoint)]);
      }
    }
  });

  test('names a test for each row, and that test makes the call', () => {
    for (const { endpoint, operations: names, proof } of [...served, ...beyond]) {
      const file = join(root, 'test', `${proof}.test.ts`);
      assert.ok(existsSync(file), `${endpoint}: there is no test ${proof}`);
      const text = readFileSync(file, 'utf8');
      const makesIt = names.some((name) => callOf(name).test(text)) || asks(text, endpoint);
      assert.ok(makesIt, `${proof} does not call ${names.join(' or ') || endpoint}`);
    }
  });
});

/** The rows of the first table below a heading, cell by cell. */
function rowsBelow(heading: string, columns: number): readonly (readonly string[])[] {
  const start = page.indexOf(`\n${heading}\n`);
  assert.notEqual(start, -1, heading);
  const lines = page.slice(start).split('\n').slice(2);
  const first = lines.findIndex((line) => line.startsWith('|'));
  const length = lines.slice(first).findIndex((line) => !line.startsWith('|'));
  return lines.slice(first + 2, first + length).map((line) => {
    const cells = line.slice(1, -1).split('|');
    assert.equal(cells.length, columns, line);
    return cells.map((cell) => cell.trim());
  });
}

function codes(cell = ''): string[] {
  return [...cell.matchAll(/`([^`]+)`/g)].map(([, code = '']) => code);
}

/** Whatever its parameters are called. */
function bare(path: string): string {
  return path
    .replace('{queue}', '/v1/environments/{environment}/work')
    .replace(/:\w+(\{\.\+\})?|\{\w+\}/g, '*');
}

function patternOf(name: string): RegExp {
  const beta = name.startsWith('beta.') ? '' : '(beta\\.)?';
  return new RegExp(`^${beta}${name.replaceAll('.', '\\.').replace(/\\\.\*$/, '\\..+')}$`);
}

/** `memories.create(`, on its own or at the end of a chain. */
function callOf(operation: string): RegExp {
  const [resource, action] = operation.split('.').slice(-2);
  return new RegExp(`\\b${resource}\\s*\\.${action}\\(`);
}

/** Calls that the SDK has no method for have a helper each, or a path. */
function asks(text: string, endpoint: string): boolean {
  const helpers: Readonly<Record<string, string>> = {
    'POST /v1/organizations/api_keys': 'createKey(',
    'POST /v1/organizations/environments/*/keys': 'createEnvironmentKey(',
    'POST /v1/organizations/environments/*/keys/*/revoke': 'revokeEnvironmentKey(',
    'GET /v1/organizations/usage_report/messages': 'usageReport(',
    'GET /v1/sessions/*/diagnosis': 'diagnosisOf(',
    'GET /v1/sessions/*/egress': 'egressOf(',
  };
  const [, path = ''] = endpoint.split(' ');
  const parts = path.split(/\{\w+\}/);
  const written = parts.map((part) => part.replaceAll('.', '\\.')).join("[^'`]*");
  return new RegExp(`${written}['\`?]`).test(text) || text.includes(helpers[bare(endpoint)] ?? path);
}

type Operation = (...given: readonly unknown[]) => unknown;

/** Every method of every resource of the SDK: requests, and helpers around them. Found by looking. */
const asked: string[] = [];
const operations: ReadonlyMap<string, Operation> = operationsOf(
  new Anthropic({
    apiKey: 'none',
    async fetch(url, init) {
      asked.push(`${init?.method} ${new URL(String(url)).pathname.replaceAll('an-id', '*')}`);
      return Response.json({ data: [] });
    },
  }),
);

function operationsOf(client: Anthropic): Map<string, Operation> {
  const found = new Map<string, Operation>();
  const walk = (resource: object, path: string): void => {
    for (const name of Object.getOwnPropertyNames(Object.getPrototypeOf(resource))) {
      const method: unknown = Reflect.get(resource, name);
      if (name === 'constructor' || name.startsWith('_') || typeof method !== 'function') continue;
      found.set(`${path}.${name}`, (...given) => Reflect.apply(method, resource, given));
    }
    for (const [name, inner] of Object.entries(resource))
      if (isResource(inner)) walk(inner, `${path}.${name}`);
  };
  for (const [name, resource] of Object.entries(client)) if (isResource(resource)) walk(resource, name);
  return found;
}

function isResource(value: unknown): value is object {
  return typeof value === 'object' && value !== null && '_client' in value;
}

/** Where an operation sends its request. Ids are its first argument, or in the object that follows. */
async function reached(name: string): Promise<string | undefined> {
  const operation = operations.get(name);
  assert.ok(operation, `the SDK has no ${name}`);
  const row = served.find((each) => each.operations.includes(name));
  const hasId = row?.endpoint.includes('{') ?? false;
  const file = new File(['a'], 'a.txt');
  const ids = ['environment_id', 'session_id', 'vault_id', 'memory_store_id', 'skill_id'].map((id) => [
    id,
    'an-id',
  ]);
  const params = { ...Object.fromEntries(ids), file, files: [file] };
  asked.length = 0;
  await (hasId ? operation('an-id', params) : operation(params));
  // An upload is preceded by a try whether this fetch can do it.
  return asked.at(-1);
}
