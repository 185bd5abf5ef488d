import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Seal, Unseal } from '../domain/sealing.ts';
import type { SessionResourceParams } from '../protocol/session-resources.ts';
import { sealResources, unsealResources } from './deployment-plan.ts';

/** Readable, and still no good at another place. */
const seal: Seal = (secret, place) => `${JSON.stringify(place)} ${secret}`;
const unseal: Unseal = (sealed, place) => {
  const prefix = `${JSON.stringify(place)} `;
  assert.ok(sealed.startsWith(prefix), `${sealed} at ${prefix}`);
  return sealed.slice(prefix.length);
};

const repository = { type: 'github_repository', url: 'https://github.com/octocat/hello' } as const;
const resources: SessionResourceParams[] = [
  { type: 'file', file_id: 'file_1', mount_path: '/data.csv' },
  { ...repository, authorization_token: 'one' },
  repository,
  { ...repository, mount_path: null, authorization_token: 'two' },
  { type: 'memory_store', memory_store_id: 'memstore_1' },
];

describe('resources of a deployment', () => {
  test('are kept without their tokens, which are sealed each for its own', () => {
    const { configs, tokens } = sealResources(seal, 'depl_1', resources);
    const [file, , plain, , store] = resources;
    assert.deepEqual(configs, [file, repository, plain, { ...repository, mount_path: null }, store]);
    const place = (index: string) => ({
      deploymentId: 'depl_1',
      index,
      field: 'authorization_token' as const,
    });
    assert.deepEqual(tokens, { 1: seal('one', place('1')), 3: seal('two', place('3')) });
  });

  test('are as they were sent when a session is made of them', () => {
    const { configs, tokens } = sealResources(seal, 'depl_1', resources);
    assert.deepEqual(unsealResources(unseal, { id: 'depl_1', resources: configs }, tokens), resources);
    assert.throws(() => unsealResources(unseal, { id: 'depl_2', resources: configs }, tokens));
  });
});
