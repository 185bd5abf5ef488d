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
  let saves = 0;
  const snapshots = {
    async save() {
      saves += 1;
    },
  };
  return { ...createSettling(mounts, snapshots), looks: () => looks, saves: () => saves };
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

test('a snapshot is made at the rest that follows a call, and when a sandbox ends that had one', async () => {
  const { touch, rest, end, saves } = settling();
  rest('sesn_1');
  assert.equal(saves(), 0);
  touch('sesn_1');
  rest('sesn_1');
  rest('sesn_1');
  assert.equal(saves(), 1, 'nothing was called in between');
  await end(recipe);
  await end(recipe);
  assert.equal(saves(), 2, 'what ran in the background is kept too, once');
});
