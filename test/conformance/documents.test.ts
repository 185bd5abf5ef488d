import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { Validator } from '@seriousme/openapi-schema-validator';
import type { OpenApi } from '../../src/protocol/openapi.ts';
import { routes } from '../../src/protocol/routes.ts';
import { describeServer } from '../support/server-suite.ts';

describeServer('the description of the API', ({ server }) => {
  let api: OpenApi;
  before(async () => {
    const response = await fetch(`${server.baseUrl}/openapi.json`);
    assert.match(response.headers.get('content-type') ?? '', /^application\/json/);
    api = (await response.json()) as OpenApi;
  });

  test('is valid OpenAPI 3.1, every reference in it included', async () => {
    const validator = new Validator();
    // One line would be taken for the name of a file.
    const { valid, errors } = await validator.validate(JSON.stringify(api, null, 2));
    assert.ok(valid, JSON.stringify(errors));
    assert.equal(validator.version, '3.1');
    const named = new Set(Object.keys(api.components.schemas));
    const references = [...JSON.stringify(api).matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)];
    assert.ok(references.length > 50);
    for (const [, name = ''] of references) assert.ok(named.has(name), name);
  });

  test('has every endpoint of the route table, and nothing else', () => {
    const described = Object.entries(api.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    const served = Object.values(routes).map(
      ({ method, path }) => `${method} ${path.replace(/:(\w+)(\{[^}]*\})?/g, '{$1}')}`,
    );
    assert.deepEqual(described.toSorted(), [...new Set(served)].toSorted());
    const ids = Object.values(api.paths).flatMap((methods) =>
      Object.values(methods).map(({ operationId }) => operationId),
    );
    assert.equal(new Set(ids).size, ids.length, 'operation ids are unique');
  });

  test('names what is stored by its noun', () => {
    for (const name of [
      'Agent',
      'Environment',
      'Session',
      'SessionEvent',
      'SessionThread',
      'AgentCreateRequest',
    ])
      assert.ok(name in api.components.schemas, name);
  });

  test('is a page for people too, with every operation on it', async () => {
    const response = await fetch(`${server.baseUrl}/docs`);
    assert.match(response.headers.get('content-type') ?? '', /^text\/html/);
    const page = await response.text();
    for (const methods of Object.values(api.paths))
      for (const { operationId } of Object.values(methods))
        assert.ok(page.includes(`id="${operationId}"`), operationId);
    const targets = [...page.matchAll(/href="#([^"]+)"/g)].map(([, id]) => id);
    for (const id of new Set(targets)) assert.ok(page.includes(`id="${id}"`), id);
  });
});
