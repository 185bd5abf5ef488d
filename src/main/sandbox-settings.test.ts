import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { sandboxSettingsOf } from './sandbox-settings.ts';

class Mistake extends Error {}
const read = (file: object, env = {}) => sandboxSettingsOf({ ...file }, env, Mistake);
const container = { provider: 'container', socket: '/run/engine.sock' };

describe('sandbox of anthill.yaml', () => {
  test('is bubblewrap unless told otherwise', () => {
    assert.deepEqual(read({}), { provider: 'bubblewrap' });
    assert.deepEqual(read({ provider: 'bubblewrap' }), { provider: 'bubblewrap' });
  });

  test('names an engine, an image and a runtime', () => {
    const rest = { image: 'docker.io/library/debian:12', runtime: null };
    assert.deepEqual(read(container), { ...container, ...rest });
    const own = { ...container, image: 'registry.test/tools:1', runtime: 'runsc' };
    assert.deepEqual(read(own), own);
  });

  test('finds the engine where its own clients do', () => {
    const found = read({ provider: 'container' }, { DOCKER_HOST: 'unix:///run/user/1000/docker.sock' });
    assert.ok(found.provider === 'container');
    assert.equal(found.socket, '/run/user/1000/docker.sock');
    const guessed = read({ provider: 'container' });
    assert.ok(guessed.provider === 'container');
    assert.match(guessed.socket, /^\/.*\/(docker|podman)\.sock$/);
  });

  const mistakes: readonly (readonly [file: object, message: RegExp, env?: object])[] = [
    [{ provider: 'none' }, /provider: "none" is none of bubblewrap, container/],
    [{ image: 'debian:12' }, /are settings of `provider: container`/],
    [{ ...container, image: 12 }, /image: "12" is not a text/],
    [{ ...container, runtime: '' }, /runtime: "" is not a text/],
    [{ ...container, socket: 'tcp://engine:2375' }, /"tcp:\/\/engine:2375" is not the path of a Unix socket/],
    [
      { provider: 'container' },
      /"tcp:\/\/engine:2375" is not the path/,
      { DOCKER_HOST: 'tcp://engine:2375' },
    ],
  ];
  for (const [file, message, env] of mistakes) {
    test(`refuses ${JSON.stringify([file, env])}`, () => {
      assert.throws(() => read(file, env), message);
    });
  }
});
