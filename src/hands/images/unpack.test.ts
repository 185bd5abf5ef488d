import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { describe, test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import type { Header } from 'tar-stream';
import { pack } from 'tar-stream';
import { temporaryDirectory } from '../../../test/support/sandbox.ts';
import { collected } from '../../../test/support/zips.ts';
import { unpackImage } from './unpack.ts';

type Item = readonly [header: Partial<Header> & { name: string }, content?: string];

function tarOf(items: readonly Item[]): Promise<Buffer> {
  const tar = pack();
  for (const [header, content] of items) tar.entry({ type: 'file', ...header } as Header, content ?? '');
  tar.finalize();
  return collected(Readable.from(tar));
}

const digestOf = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
const compressions = [
  ['tar', (bytes: Buffer) => bytes],
  ['tar+gzip', (bytes: Buffer) => gzipSync(bytes)],
  ['tar+zstd', (bytes: Buffer) => zstdCompressSync(bytes)],
] as const;

/** An image in OCI layout: its layers packed in one way after the other. */
async function imageOf(
  layers: readonly (readonly Item[])[],
  change: (items: Item[]) => Item[] = (items) => items,
) {
  const blobs: Item[] = [];
  const add = (bytes: Buffer, mediaType: string) => {
    const digest = digestOf(bytes);
    blobs.push([{ name: `blobs/sha256/${digest}` }, bytes as unknown as string]);
    return { digest: `sha256:${digest}`, mediaType, size: bytes.length };
  };
  const described = [];
  for (const [index, items] of layers.entries()) {
    const [name, compress] = compressions[index % 3] ?? compressions[0];
    described.push(add(compress(await tarOf(items)), `application/vnd.oci.image.layer.v1.${name}`));
  }
  const manifest = add(Buffer.from(JSON.stringify({ layers: described })), 'manifest');
  const platforms = {
    manifests: [
      { ...manifest, platform: { architecture: { x64: 'amd64' }[process.arch as string] ?? process.arch } },
    ],
  };
  const index = add(Buffer.from(JSON.stringify(platforms)), 'index');
  return tarOf(change([[{ name: 'index.json' }, JSON.stringify({ manifests: [index] })], ...blobs]));
}

async function unpacked(file: Buffer) {
  const directory = temporaryDirectory();
  const root = join(directory.path, 'root');
  mkdirSync(root);
  writeFileSync(join(directory.path, 'image.tar'), file);
  try {
    await unpackImage(join(directory.path, 'image.tar'), root, AbortSignal.timeout(10_000));
  } catch (cause) {
    const left = readdirSync(directory.path);
    directory[Symbol.dispose]();
    assert.deepEqual(left.toSorted(), ['image.tar', 'root'], 'nothing lies beside the image');
    throw cause;
  }
  return { root, outside: directory.path, [Symbol.dispose]: directory[Symbol.dispose] };
}

const folder = (name: string): Item => [{ name, type: 'directory', mode: 0o755 }];
const link = (name: string, linkname: string): Item => [{ name, type: 'symlink', linkname }];

describe('an image in OCI layout', () => {
  test('is its layers one over the other, less what they take away', async () => {
    const base: Item[] = [
      folder('usr/'),
      folder('usr/lib/'),
      link('lib', 'usr/lib'),
      [{ name: 'usr/lib/a', mode: 0o4755 }, 'a'],
      [{ name: './usr/lib/b' }, 'b'],
      [{ name: 'etc/old/x' }, 'x'],
      [{ name: 'etc/old/y' }, 'y'],
      [{ name: 'usr/lib/same', type: 'link', linkname: 'usr/lib/a' }],
      [{ name: 'dev/null', type: 'character-device', devmajor: 1, devminor: 3 }],
    ];
    const second: Item[] = [
      [{ name: 'lib/c' }, 'through the link'],
      [{ name: 'usr/lib/.wh.b' }],
      [{ name: 'etc/old/z' }, 'z'],
      [{ name: 'etc/old/.wh..wh..opq' }],
    ];
    using it = await unpacked(await imageOf([base, second, [[{ name: 'usr/lib/a' }, 'newer']]]));
    const at = (path: string) => readFileSync(join(it.root, path), 'utf8');
    assert.deepEqual(readdirSync(join(it.root, 'usr/lib')), ['a', 'c', 'same']);
    assert.deepEqual(readdirSync(join(it.root, 'etc/old')), ['z']);
    assert.deepEqual([at('lib/a'), at('usr/lib/same'), at('lib/c')], ['newer', 'a', 'through the link']);
    assert.equal(lstatSync(join(it.root, 'usr/lib/same')).mode & 0o7777, 0o755);
    assert.equal(existsSync(join(it.root, 'dev/null')), false);
  });

  const tricks: readonly (readonly [name: string, items: readonly Item[]])[] = [
    ['a path upwards', [[{ name: '../evil' }, 'x']]],
    ['a path upwards in the middle', [[{ name: 'a/../../evil' }, 'x']]],
    ['an absolute path', [[{ name: '/evil' }, 'x']]],
    ['a link upwards', [link('up', '..'), [{ name: 'up/evil' }, 'x']]],
    ['a link to the whole machine', [link('up', '/'), [{ name: 'up/evil' }, 'x']]],
    ['a link to a link', [link('a', 'b'), link('b', '../..'), [{ name: 'a/evil' }, 'x']]],
    ['what is taken away through a link', [link('up', '..'), [{ name: 'up/.wh.image.tar' }]]],
    ['everything taken away through a link', [link('up', '..'), [{ name: 'up/.wh..wh..opq' }]]],
    ['a file over a link', [link('evil', '../evil'), [{ name: 'evil' }, 'x']]],
  ];
  for (const [name, items] of tricks) {
    test(`does not get out of its directory by ${name}`, async () => {
      using it = await unpacked(await imageOf([items]));
      assert.deepEqual(readdirSync(it.outside).toSorted(), ['image.tar', 'root']);
    });
  }

  const bad: readonly (readonly [name: string, file: () => Promise<Buffer>, message: RegExp])[] = [
    ['no image', () => tarOf([[{ name: 'a' }, 'x']]), /has no index\.json/],
    ['no tar file', async () => Buffer.alloc(2_000, 'x'), /tar/i],
    [
      'a part that is not what its name says',
      () =>
        imageOf([[]], ([index, ...blobs]) => [
          index ?? folder('x'),
          ...blobs.map(([header]): Item => [header, 'other']),
        ]),
      /damaged/,
    ],
    ['a part that is missing', () => imageOf([[]], (items) => items.slice(0, 1)), /has no [0-9a-f]{64}/],
    [
      'links in a circle',
      () => imageOf([[link('a', 'b'), link('b', 'a'), [{ name: 'a/x' }, 'x']]]),
      /too many links/,
    ],
    [
      'a link to a file outside',
      () => imageOf([[[{ name: 'x', type: 'link', linkname: '../image.tar' }]]]),
      /ENOENT/,
    ],
    ['something taken away above', () => imageOf([[[{ name: '.wh...' }]]]), /a file called/],
    ['a name of two dots', () => imageOf([[[{ name: 'a/..' }, 'x']]]), /a file called/],
    [
      'a file where a directory was',
      () =>
        imageOf([
          [
            [{ name: 'a' }, 'x'],
            [{ name: 'a/b' }, 'x'],
          ],
        ]),
      /a file where/,
    ],
  ];
  for (const [name, file, message] of bad) {
    test(`is refused: ${name}`, async () => {
      await assert.rejects(async () => unpacked(await file()), message);
    });
  }
});
