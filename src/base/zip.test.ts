import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { crc32, deflateRawSync } from 'node:zlib';
import type { Entry } from '../../test/support/zips.ts';
import { collected, mutated, picker, zipOf } from '../../test/support/zips.ts';
import type { ArchivedFile } from './zip.ts';
import { BadArchive, readZip, writeZip } from './zip.ts';

const limits = { entriesMax: 100, bytesMax: 1_000_000 };
const read = (bytes: Uint8Array) => readZip(bytes, limits);
const text = (files: readonly ArchivedFile[]) =>
  files.map(({ path, bytes, isExecutable }) => [path, Buffer.from(bytes).toString(), isExecutable]);
const at = new Date('2026-09-21T10:00:00Z');
const write = (files: readonly ArchivedFile[]) => collected(writeZip(files, at));
const file = (path: string, content: string, isExecutable = false): ArchivedFile => ({
  path,
  bytes: Buffer.from(content),
  isExecutable,
});

describe('an archive that was written', () => {
  const files = [
    file('ant/SKILL.md', 'hello'),
    file('ant/run.sh', '#!/bin/sh', true),
    file('ant/empty', ''),
    file('ant/größe/蟻.md', 'x'.repeat(200_000)),
  ];

  test('reads back as it was', async () => {
    const zip = await write(files);
    assert.deepEqual(text(await read(zip)), text(files));
    assert.ok(zip.length < 10_000, 'it is compressed');
  });

  test('is the same for the same files', async () => {
    assert.deepEqual(await write(files), await write(files));
  });

  test('may be empty, and lie anywhere in a buffer', async () => {
    const zip = await write([]);
    assert.deepEqual(await read(zip), []);
    const padded = new Uint8Array(zip.length + 7);
    padded.set(zip, 3);
    assert.deepEqual(await read(padded.subarray(3, 3 + zip.length)), []);
  });
});

describe('an archive of another program', () => {
  const readable: readonly (readonly [name: string, entry: Entry, path: string])[] = [
    ['stored', { name: 'a.md', content: 'hi' }, 'a.md'],
    ['deflated', { name: 'a.md', content: 'hi', method: 8 }, 'a.md'],
    ['without a mode', { name: 'a.md', content: 'hi', mode: 0 }, 'a.md'],
    ['in UTF-8 that it does not announce', { name: 'é.md', content: 'hi', flags: 0 }, 'é.md'],
    ['in CP437', { name: Buffer.from([0x82, 0x2e, 0x6d]), content: 'hi', flags: 0 }, 'é.m'],
    ['announced as UTF-8 that it is not', { name: Buffer.from([0x82]), content: 'hi' }, 'é'],
    ['with a path that leaves it', { name: '../../a', content: 'hi' }, '../../a'],
    ['with a path of Windows', { name: 'C:\\a', content: 'hi' }, 'C:\\a'],
  ];
  for (const [name, entry, path] of readable) {
    test(`is read: ${name}`, async () => {
      assert.deepEqual(text(await read(zipOf([entry]))), [[path, 'hi', false]]);
    });
  }

  test('says which files may be executed', async () => {
    const zip = zipOf([
      { name: 'a', mode: 0o100755 },
      { name: 'b', mode: 0o100644 },
      { name: 'c', mode: 0o100010 },
    ]);
    assert.deepEqual(
      (await read(zip)).map(({ isExecutable }) => isExecutable),
      [true, false, true],
    );
  });

  test('has no directories, however they are marked', async () => {
    const zip = zipOf([{ name: 'd/' }, { name: 'e', mode: 0o040755 }, { name: 'd/a', content: 'hi' }]);
    assert.deepEqual(text(await read(zip)), [['d/a', 'hi', false]]);
  });
});

const zeros = new Uint8Array(1_000_001);

describe('an archive that is refused', () => {
  const refused: readonly (readonly [name: string, zip: Buffer, why: RegExp])[] = [
    ['nothing', Buffer.alloc(0), /not a zip file/],
    ['text', Buffer.from('hello '.repeat(100)), /not a zip file/],
    ['cut short', zipOf([{ name: 'a', content: 'hi' }]).subarray(0, -1), /not a zip file|comment/],
    ['cut at its beginning', zipOf([{ name: 'a', content: 'hi' }]).subarray(5), /EOF|signature/],
    ['a symbolic link', zipOf([{ name: 'a', content: '/etc', mode: 0o120777 }]), /"a" is a link/],
    ['a device', zipOf([{ name: 'a', mode: 0o020666 }]), /"a" is a link or a special file/],
    ['a named pipe', zipOf([{ name: 'a', mode: 0o010666 }]), /special file/],
    ['an encrypted file', zipOf([{ name: 'a', flags: 0x801, data: Buffer.alloc(12) }]), /"a" is encrypted/],
    ['strong encryption', zipOf([{ name: 'a', flags: 0x41 }]), /strong encryption/],
    ['another compression', zipOf([{ name: 'a', method: 14 }]), /unknown method/],
    ['a wrong checksum', zipOf([{ name: 'a', content: 'hi', crc: 1 }]), /"a" is damaged/],
    ['data that cannot be inflated', zipOf([lies({ data: Buffer.from('\xff\xff') })]), /"a" is damaged/],
    ['more content than it says', zipOf([lies({ size: 3 })]), /"a" is damaged/],
    ['less content than it says', zipOf([lies({ size: 5000 })]), /"a" is damaged/],
    ['stored content of another size', zipOf([{ name: 'a', content: 'hi', size: 3 }]), /size mismatch/],
    ['more entries than are there', zipOf([{ name: 'a' }], { entryCount: 2 }), /signature|EOF/],
    ['too many entries', zipOf(Array.from({ length: 101 }, (_, i) => ({ name: `${i}` }))), /more than 100/],
    ['a count of entries that is a lie', zipOf([{ name: 'a' }], { entryCount: 0xffff }), /more than 100/],
    ['too large a file', zipOf([{ name: 'a', content: zeros, method: 8 }]), /larger than 1000000 bytes/],
    [
      'files that are too large together',
      zipOf(['a', 'b'].map((name) => ({ name, content: zeros.subarray(500_000), method: 8 }))),
      /larger than 1000000 bytes/,
    ],
    ['data that is elsewhere', zipOf([{ name: 'a', content: 'hi', offset: 0xfffffff0 }]), /EOF/],
    ['data that overflows', zipOf([lies({ compressedSize: 100_000 })]), /overlap or are cut off/],
  ];
  for (const [name, zip, why] of refused) {
    test(name, async () => {
      await assert.rejects(read(zip), (cause) => {
        assert.ok(cause instanceof BadArchive, String(cause));
        assert.match(cause.message, why);
        return true;
      });
    });
  }

  test('a bomb whose files share their data, and say so', async () => {
    const data = deflateRawSync(zeros);
    const shared = { content: zeros, method: 8, data, offset: 0 };
    const zip = zipOf(Array.from({ length: 20 }, (_, index) => ({ name: `a${index}`, ...shared })));
    await assert.rejects(read(zip), /larger than 1000000 bytes/);
  });

  test('files that share their data, which unpacks to nothing', async () => {
    const nothing = { content: '', method: 8, data: Buffer.alloc(1_000_000), offset: 0 };
    const zip = zipOf([
      { name: 'a', ...nothing },
      { name: 'b', ...nothing, data: Buffer.alloc(2) },
    ]);
    zip.writeUInt32LE(1_000_000, zip.length - 22 - 47 + 20);
    await assert.rejects(read(zip), /its files overlap/);
  });

  test('a bomb that says it is small is not unpacked beyond what it says', async () => {
    const content = new Uint8Array(64 * 1024 * 1024);
    const entry = { name: 'a', method: 8, data: deflateRawSync(content), crc: crc32(content), size: 10 };
    const before = process.memoryUsage().arrayBuffers;
    await assert.rejects(read(zipOf([entry])), /"a" is damaged/);
    assert.ok(process.memoryUsage().arrayBuffers - before < 16 * 1024 * 1024);
  });
});

function lies(entry: Partial<Entry>): Entry {
  return { name: 'a', content: 'hello '.repeat(100), method: 8, ...entry };
}

/** Bytes at random places of archives: whatever it is, it is read, or refused in words. */
describe('damaged archives', () => {
  const whole = zipOf([
    { name: 'ant/SKILL.md', content: 'hello '.repeat(50), method: 8 },
    { name: 'ant/', mode: 0o040755 },
    { name: 'ant/a', content: 'stored', extra: Buffer.from([1, 0, 8, 0, 9, 0, 0, 0, 0, 0, 0, 0]) },
    { name: 'ant/b', content: 'x'.repeat(1000), method: 8, mode: 0o100755 },
  ]);
  const pick = picker(20_261_125);

  test('of any kind', async () => {
    const outcomes = { read: 0, refused: 0 };
    for (let round = 0; round < 3_000; round++) {
      const zip = mutated(whole, pick);
      try {
        await read(zip);
        outcomes.read++;
      } catch (cause) {
        assert.ok(cause instanceof BadArchive, `round ${round}: ${cause}`);
        outcomes.refused++;
      }
    }
    assert.ok(outcomes.read > 100 && outcomes.refused > 1000, JSON.stringify(outcomes));
  });
});
