import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { packageVariablesOf, rootfsSettingsOf } from './rootfs-settings.ts';

class Mistake extends Error {}
const rootfs = (file: object) => rootfsSettingsOf({ ...file }, '/here', Mistake);
const variables = (file: object) => packageVariablesOf({ ...file }, Mistake);

describe('rootfs and packages of anthill.yaml', () => {
  test("are the machine's own system and registries unless told otherwise", () => {
    const { include, ...rest } = rootfs({});
    assert.deepEqual(rest, { type: 'host', image: null, mirror: null, suite: 'bookworm' });
    assert.ok(include.includes('python3-pip'));
    assert.deepEqual(variables({}), {});
  });

  test('name an image, or how it is built, and variables', () => {
    assert.equal(rootfs({ type: 'image', image: 'debian.tar' }).image, '/here/debian.tar');
    const built = {
      mirror: 'http://mirror.internal/debian',
      suite: 'trixie',
      include: ['g++', 'python3.11'],
    };
    assert.deepEqual(rootfs(built), { type: 'host', image: null, ...built });
    assert.deepEqual(variables({ variables: { GOPROXY: 'http://go.internal' } }), {
      GOPROXY: 'http://go.internal',
    });
  });

  const mistakes: readonly (readonly [read: () => unknown, message: RegExp])[] = [
    [() => rootfs({ type: 'guest' }), /rootfs\.type: "guest" is neither host nor image/],
    [() => rootfs({ image: 7 }), /rootfs\.image: "7" is not a path/],
    [() => rootfs({ mirror: '--help' }), /rootfs\.mirror: "--help" is not the URL/],
    [() => rootfs({ suite: '--help' }), /rootfs\.suite: "--help" is not the name/],
    [() => rootfs({ include: 'git' }), /rootfs\.include: must be a list/],
    [() => rootfs({ include: ['git,--x'] }), /rootfs\.include: "git,--x" is not the name/],
    [() => variables({ variables: ['a'] }), /packages\.variables: must be a mapping/],
    [() => variables({ variables: { 'A-B': 'x' } }), /"A-B" is not the name of a variable/],
    [() => variables({ variables: { A: 1 } }), /packages\.variables\.A: must be a text/],
  ];
  for (const [read, message] of mistakes) {
    test(`refuse ${message.source}`, () => {
      assert.throws(read, message);
    });
  }
});
