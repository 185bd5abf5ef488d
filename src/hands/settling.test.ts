import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SandboxRecipe } from '../domain/hands.ts';
import { createSettling } from './settling.ts';

const recipe: SandboxRecipe = { sessionId: 'sesn_1', environmentId: 'env_1', resources: [], skills: [] };

function settling() {
  let looks = 0;
  const mounts = {
    async collect() {
      looks += 1;
      return [];
    },
  };
  return { ...createSettling(mounts), looks: () => looks };
}

test('a session in which nothing was run is not looked at', async () => {
  const { settle, looks, touch } = settling();
  touch('sesn_2');
  await settle(recipe, true);
  assert.equal(looks(), 0);
});

test('while its sandbox lives a session is looked at each time, and once more when it is gone', async () => {
  const { settle, looks, touch } = settling();
  touch('sesn_1');
  for (const isLive of [true, true, false, false]) await settle(recipe, isLive);
  assert.equal(looks(), 3);
});

test('a session that was released is not looked at', async () => {
  const { settle, looks, touch, forget } = settling();
  touch('sesn_1');
  forget('sesn_1');
  await settle(recipe, true);
  assert.equal(looks(), 0);
});
