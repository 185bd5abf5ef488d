import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { aptSteps, packageSteps, sortedPackages } from './packages.ts';

const none = { apt: [], cargo: [], gem: [], go: [], npm: [], pip: [] };
const networking = { type: 'unrestricted' } as const;

describe('the packages of an environment', () => {
  test('are the same in whatever order they are named, and however often', () => {
    const sorted = (npm: string[]) =>
      sortedPackages({ type: 'cloud', networking, packages: { ...none, npm } });
    assert.deepEqual(sorted(['b', 'a', 'b@1', 'a']), sorted(['a', 'b', 'b@1']));
    assert.notDeepEqual(sorted(['a']), sorted(['b']));
  });

  test('are installed manager by manager in the order of their names, each with its own pins', () => {
    const all = {
      apt: ['jq=1.6'],
      pip: ['x==1'],
      npm: ['x@1', '@a/b@2'],
      go: ['a.test/x@v1', 'a.test/y'],
      gem: ['x:1'],
      cargo: ['x@1'],
    };
    const steps = packageSteps(all);
    assert.deepEqual(
      steps.map(({ manager, argv }) => `${manager}: ${argv[0]} ${argv.at(-1)}`),
      [
        'cargo: cargo x@1',
        'gem: gem x:1',
        'go: go a.test/x@v1',
        'go: go a.test/y@latest',
        'npm: npm @a/b@2',
        'pip: python3 x==1',
      ],
    );
    assert.ok(aptSteps(all.apt).some(({ argv }) => argv.includes('jq=1.6')));
    assert.deepEqual(packageSteps({ ...none, apt: ['jq'] }), []);
  });
});
