import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { before, test } from 'node:test';
import type { SdkVersion, WatchedClient } from '../support/older-clients.ts';
import { notDriven, sdkVersions, watchedClient } from '../support/older-clients.ts';
import { resourceScenarios } from '../support/older-resource-scenarios.ts';
import { sessionScenarios } from '../support/older-session-scenarios.ts';
import { call } from '../support/server-http.ts';
import { describeServer } from '../support/server-suite.ts';

const scenarios = [...resourceScenarios, ...sessionScenarios];

for (const version of sdkVersions) {
  describeServer(`the SDK ${version}, unmodified`, ({ server }) => {
    let watched: WatchedClient;
    before(() => {
      watched = watchedClient(version, server);
    });

    for (const [name, needs, run] of scenarios) {
      if (!methodsOf(version).has(needs)) continue;
      // A stream that hands nothing on would be waited for in vain.
      test(name, { timeout: 30_000 }, () => run(watched.client, version));
    }

    test('every method of it is driven, or named with the reason why not', () => {
      const { methods, called } = watched;
      assert.ok(methods.size > 60 && called.size > 30, `${called.size} of ${methods.size} methods`);
      const left = [...methods].filter((method) => !called.has(method) && reasonOf(method) === undefined);
      assert.deepEqual(left, []);
      assert.deepEqual([...called].filter(reasonOf), []);
    });

    test('every beta value it can send is accepted', async () => {
      const values = betaValuesOf(version);
      assert.ok(values.length > 15);
      const reply = await call(server, {
        path: '/v1/models',
        headers: { 'anthropic-beta': [...values, ...values].join(', ') },
      });
      assert.equal(reply.status, 200, reply.text);
    });
  });
}

test('every scenario, and every reason for none, is about a method that there is', () => {
  const methods = sdkVersions.flatMap((version) => [...methodsOf(version)]);
  const idle = Object.keys(notDriven).filter((line) => !methods.some((method) => isPartOf(method, line)));
  assert.deepEqual(idle, []);
  const needed = scenarios.map(([, needs]) => needs);
  assert.deepEqual(
    needed.filter((method) => !methodsOf('1.12').has(method)),
    [],
  );
});

function methodsOf(version: SdkVersion): ReadonlySet<string> {
  return watchedClient(version, { baseUrl: 'http://localhost', apiKey: 'none' }).methods;
}

function reasonOf(method: string): string | undefined {
  return Object.entries(notDriven).find(([line]) => isPartOf(method, line))?.[1];
}

function isPartOf(method: string, line: string): boolean {
  return method === line || method.startsWith(`${line}.`);
}

/** All that its types name and its code sends. */
function betaValuesOf(version: SdkVersion): string[] {
  const name = version === sdkVersions.at(-1) ? '@anthropic-ai/sdk' : `anthropic-sdk-${version}`;
  const cwd = dirname(createRequire(import.meta.url).resolve(name));
  const files = globSync(['resources/beta/beta.d.ts', '{resources,lib,tools}/**/*.js'], { cwd });
  const values = files.flatMap((file) => {
    const text = readFileSync(join(cwd, file), 'utf8');
    return [...text.matchAll(/'([a-z][a-z0-9-]+-20\d\d-\d\d-\d\d)'/g)].map(([, value = '']) => value);
  });
  return [...new Set(values)];
}
