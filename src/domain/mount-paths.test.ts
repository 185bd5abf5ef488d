import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Refusal } from '../protocol/refusal.ts';
import { checkApart, filePath, memoryPath, repositoryPath } from './mount-paths.ts';

const refused = (message: RegExp) => (cause: unknown) => {
  assert.ok(cause instanceof Refusal);
  assert.equal(cause.code, 'invalid_request');
  assert.match(cause.message, message);
  return true;
};

describe('a file stands below the uploads directory', () => {
  const paths: readonly (readonly [asked: string | null, path: string])[] = [
    [null, 'file_1'],
    ['/data.csv', 'data.csv'],
    ['data.csv', 'data.csv'],
    ['/mnt/session/uploads/data.csv', 'data.csv'],
    ['/uploads/data.csv', 'data.csv'],
    ['uploads/a/b', 'a/b'],
    ['/mnt/session/uploads/uploads/x', 'uploads/x'],
    ['/mnt/session/outputs/x', 'mnt/session/outputs/x'],
    ['/workspace/data.csv', 'workspace/data.csv'],
    ['//a///b/./c', 'a/b/c'],
    ['/uploadsx', 'uploadsx'],
    ['/a b/…é', 'a b/…é'],
    [`/${'é'.repeat(127)}a`, `${'é'.repeat(127)}a`],
    ['...', '...'],
  ];
  for (const [asked, path] of paths) {
    test(`${asked} is ${path}`, () => {
      const placed = filePath({ type: 'file', file_id: 'file_1', mount_path: asked });
      assert.equal(placed, `/mnt/session/uploads/${path}`);
    });
  }

  const bad: readonly (readonly [asked: string, message: RegExp])[] = [
    ['/', /^at: must name a file$/],
    ['.', /must name a file/],
    ['/uploads', /must name a file/],
    ['/mnt/session/uploads/', /must name a file/],
    ['/data/', /must name a file/],
    ['/data/.', /must name a file/],
    ['/a/../b', /^at: must not contain "\.\."$/],
    ['..', /must not contain "\.\."/],
    ['/a\0b', /control characters/],
    ['/a\nb', /control characters/],
    ['/\ud800', /valid Unicode/],
    [`/${'é'.repeat(128)}`, /each part must be at most 255 bytes/],
    ['/a'.repeat(2048), /must be at most 4095 bytes/],
  ];
  for (const [asked, message] of bad) {
    test(`not ${JSON.stringify(asked.slice(0, 30))}`, () => {
      const place = () => filePath({ type: 'file', file_id: 'file_1', mount_path: asked }, 'at');
      assert.throws(place, refused(message));
    });
  }
});

describe('a repository stands below /workspace', () => {
  const url = 'https://github.com/ants/hill';
  const paths: readonly (readonly [asked: string | null, path: string])[] = [
    [null, '/workspace/hill'],
    ['/workspace/other', '/workspace/other'],
    ['/workspace//a/./b/', '/workspace/a/b'],
  ];
  for (const [asked, path] of paths) {
    test(`${asked} is ${path}`, () => {
      assert.equal(repositoryPath({ type: 'github_repository', url, mount_path: asked }), path);
    });
  }
  for (const asked of ['/workspace', '/workspace/', '/', '/tmp/a', 'workspace/a', '/workspaces/a', 'a']) {
    test(`not ${asked}`, () => {
      const place = () => repositoryPath({ type: 'github_repository', url, mount_path: asked }, 'at');
      assert.throws(place, refused(/^at: must be below \/workspace$/));
    });
  }
});

describe('mounts stand apart', () => {
  const check = (...paths: string[]) => {
    checkApart(paths.map((path, index) => ({ path, field: `resources[${index}]` })));
  };
  for (const paths of [[], ['/a'], ['/a', '/b'], ['/a', '/ab', '/a.b', '/a b'], ['/a/b', '/a/c', '/b/a']]) {
    test(`${paths} do`, () => {
      check(...paths);
    });
  }
  const bad: readonly (readonly [paths: readonly string[], message: string])[] = [
    [['/a', '/a'], 'resources[1]: /a is already taken by resources[0]'],
    [['/a', '/b', '/c', '/b'], 'resources[3]: /b is already taken by resources[1]'],
    [['/a', '/a/b'], 'resources[1]: /a/b overlaps /a of resources[0]'],
    [['/a/b/c', '/x', '/a'], 'resources[2]: /a overlaps /a/b/c of resources[0]'],
    [['/a', '/a.b', '/a b', '/a/b'], 'resources[3]: /a/b overlaps /a of resources[0]'],
  ];
  for (const [paths, message] of bad) {
    test(`${paths} do not`, () => {
      assert.throws(() => check(...paths), { message });
    });
  }
});

describe('a memory store stands where its name says', () => {
  const names: readonly (readonly [names: readonly string[], paths: readonly string[]])[] = [
    [['User Preferences'], ['user-preferences']],
    [['--Über  Café_1--'], ['ber-caf-1']],
    [
      ['Notes', 'notes', '-NOTES-'],
      ['notes', 'notes-2', 'notes-3'],
    ],
    [
      ['notes 2', 'notes', 'notes'],
      ['notes-2', 'notes', 'notes-3'],
    ],
    [
      ['蟻', '…'],
      ['01Ab0', '01Ab1'],
    ],
    [
      ['x'.repeat(255), 'x'.repeat(255)],
      ['x'.repeat(255), `${'x'.repeat(251)}-2`],
    ],
  ];
  for (const [given, paths] of names) {
    test(given.map((name) => name.slice(0, 20)).join(', '), () => {
      const taken: string[] = [];
      for (const [index, name] of given.entries()) {
        taken.push(memoryPath({ id: `memstore_01Ab${index}`, name }, (path) => taken.includes(path)));
      }
      assert.deepEqual(
        taken,
        paths.map((path) => `/mnt/memory/${path}`),
      );
    });
  }
});
