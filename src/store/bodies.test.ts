import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { entryBodyBytesMax } from '../domain/limits.ts';
import type { Bodies } from './bodies.ts';
import { openBodies } from './bodies.ts';

function inTemporary(): { bodies: Bodies; files: (id: string) => string[]; path: string } & Disposable {
  const path = mkdtempSync(join(tmpdir(), 'anthill-bodies-'));
  return {
    bodies: openBodies(join(path, 'blobs')),
    files: (id) => (existsSync(join(path, 'blobs', id)) ? readdirSync(join(path, 'blobs', id)) : []),
    path,
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }),
  };
}

/** As long as `bytes` says, made of `unit` and, where that does not divide it, of single bytes before. */
function bodyOf(unit: string, bytes: number): string {
  const size = Buffer.byteLength(unit);
  return 'a'.repeat(bytes % size) + unit.repeat(Math.floor(bytes / size));
}

describe('bodies', () => {
  for (const unit of ['a', 'é', '蟻', '🐜']) {
    for (const bytes of [0, entryBodyBytesMax - 1, entryBodyBytesMax, entryBodyBytesMax + 1, 1_000_003]) {
      test(`${bytes} bytes of ${unit} come back as they were`, () => {
        using it = inTemporary();
        const body = bodyOf(unit, bytes);
        const isLarge = bytes > entryBodyBytesMax;
        const stored = it.bodies.store('sesn_1', body);
        assert.ok(it.bodies.load('sesn_1', stored) === body);
        assert.equal(it.files('sesn_1').length, isLarge ? 1 : 0);
        assert.ok(isLarge ? stored.length < 100 : stored === body);
      });
    }
  }

  test('what was stored is there for whoever opens the directory next', () => {
    using it = inTemporary();
    const body = bodyOf('🐜', 100_000);
    const stored = it.bodies.store('sesn_1', body);
    assert.ok(openBodies(join(it.path, 'blobs')).load('sesn_1', stored) === body);
  });

  test('the same body is one file of a session, and no session shares it', () => {
    using it = inTemporary();
    const bodies = [bodyOf('a', 100_000), bodyOf('b', 100_000), bodyOf('a', 100_000)];
    const stored = bodies.map((body) => it.bodies.store('sesn_1', body));
    assert.equal(stored[0], stored[2]);
    assert.equal(it.files('sesn_1').length, 2);
    for (const body of bodies) it.bodies.store('sesn_2', body);
    it.bodies.discard('sesn_1');
    assert.deepEqual([it.files('sesn_1').length, it.files('sesn_2').length], [0, 2]);
    it.bodies.discard('sesn_0');
  });

  test('files are their owner’s alone', () => {
    using it = inTemporary();
    it.bodies.store('sesn_1', bodyOf('a', 100_000));
    const folder = join(it.path, 'blobs', 'sesn_1');
    assert.equal(statSync(folder).mode & 0o777, 0o700);
    for (const file of it.files('sesn_1')) assert.equal(statSync(join(folder, file)).mode & 0o777, 0o600);
  });
});
