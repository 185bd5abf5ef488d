import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, test } from 'node:test';
import { formatUs } from '../../src/base/timestamp.ts';
import type { FileQuery } from '../../src/domain/collections.ts';
import type { SessionFiles } from '../../src/domain/files.ts';
import { draftOf } from '../../src/domain/session/draft.ts';
import { archiveSession, createSession, updateSession } from '../../src/domain/session/lifecycle.ts';
import type { FileMetadata } from '../../src/protocol/files.ts';
import { invalid } from '../../src/protocol/refusal.ts';
import type { MakeStore } from './subject.ts';
import { assertPages, birthOf, openSubject, refusal } from './subject.ts';

const atUs = 1_790_000_000_000_000;
const dayUs = 24 * 3_600 * 1_000_000;
const all: FileQuery = {
  limit: 1000,
  order: 'asc',
  after: null,
  createdAt: {},
  scopeId: null,
  ids: null,
  nowUs: atUs,
};

function metadata(id: string, changes: Partial<FileMetadata> = {}): FileMetadata {
  return {
    id,
    type: 'file',
    filename: 'a.csv',
    mime_type: 'text/csv',
    size_bytes: 3,
    downloadable: false,
    created_at: formatUs(atUs),
    expires_at: null,
    scope: null,
    ...changes,
  };
}

async function* chunks(...texts: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text);
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

/** What every implementation keeps to for files and their content. */
export function filesContract(make: MakeStore): void {
  const open = async () => {
    const it = await openSubject(make);
    const { files } = it.collections;
    const put = async (file: FileMetadata, text = file.id) => {
      const size_bytes = Buffer.byteLength(text);
      await files.insert({ ...file, size_bytes }, await it.blobs.stage(chunks(text)), () => {});
    };
    const text = async (hash: string) => {
      const read: Buffer[] = [];
      for await (const chunk of it.blobs.read(hash)) read.push(Buffer.from(chunk));
      return Buffer.concat(read).toString();
    };
    const isKept = async (content: string) => {
      try {
        return (await text(sha256(content))) === content;
      } catch (cause) {
        assert.ok(cause instanceof Error && 'code' in cause && cause.code === 'ENOENT', String(cause));
        return false;
      }
    };
    const ids = async (query: Partial<FileQuery> = {}) =>
      (await files.page({ ...all, ...query })).map(({ item }) => item.id);
    return { ...it, files, put, text, isKept, ids };
  };
  describe('files', () => fileTests(open));
  describe('content', () => contentTests(open));
  describe('files of sessions', () => sessionTests(open));
  describe('expiry of files', () => expiryTests(open));
}

type Open = () => Promise<
  Awaited<ReturnType<typeof openSubject>> & {
    readonly files: Awaited<ReturnType<typeof openSubject>>['collections']['files'];
    put(file: FileMetadata, text?: string): Promise<void>;
    text(hash: string): Promise<string>;
    isKept(content: string): Promise<boolean>;
    ids(query?: Partial<FileQuery>): Promise<string[]>;
  }
>;

function fileTests(open: Open): void {
  test('one that is not there is null, and not removed', async () => {
    await using it = await open();
    assert.equal(await it.files.get('file_0', atUs), null);
    assert.equal(await it.files.position('file_0'), null);
    assert.equal(await it.files.remove('file_0', atUs), false);
    assert.deepEqual(await it.ids(), []);
  });

  test('come back as they were, with the place of their content', async () => {
    await using it = await open();
    const file = metadata('file_1', {
      filename: 'ä "\u{1f41c}"',
      mime_type: 'text/x; a=b',
      expires_at: formatUs(atUs + 1),
    });
    await it.put(file, 'abc');
    assert.deepEqual(await it.files.get('file_1', atUs), { file, sha256: sha256('abc') });
    assert.equal(await it.text(sha256('abc')), 'abc');
  });

  test('are listed by the time of creation, then id', async () => {
    await using it = await open();
    const items = [3, 1, 0, 4, 2].map((rank) =>
      metadata(`file_${rank}`, { created_at: formatUs(atUs + (rank >> 1)), size_bytes: 6 }),
    );
    for (const item of items) await it.put(item);
    const expected = items.toSorted((a, b) => (a.id < b.id ? -1 : 1));
    await assertPages((query) => it.files.page({ ...all, ...query }), expected);
    assert.deepEqual(await it.ids({ ids: ['file_4', 'file_9', 'file_0'] }), ['file_0', 'file_4']);
  });

  test('are not there for another workspace, whatever it does', async () => {
    await using it = await open();
    await it.put(metadata('file_1'));
    await it.create({ id: 'sesn_1' });
    const other = it.workspace('wrkspc_2').collections.files;
    assert.equal(await other.get('file_1', atUs), null);
    assert.equal(await other.position('file_1'), null);
    assert.equal(await other.remove('file_1', atUs), false);
    assert.deepEqual(await other.page(all), []);
    assert.deepEqual(await other.page({ ...all, ids: ['file_1'] }), []);
    const scope = { type: 'session', id: 'sesn_1' } as const;
    const staged = await it.blobs.stage(chunks('x'));
    await assert.rejects(
      other.insert(metadata('file_2', { scope }), staged, () => {}),
      refusal('not_found'),
    );
    assert.equal((await it.files.get('file_1', atUs))?.file.id, 'file_1');
    // What the organization has used is of all workspaces.
    assert.equal(await other.usedBytes(), 6);
  });

  test('the check hears how much is used by uploads, and a refusal stores nothing', async () => {
    await using it = await open();
    await it.create({ id: 'sesn_1' });
    await it.put(metadata('file_1'), 'abc');
    await it.put(metadata('file_2'), 'abc');
    await it.put(metadata('file_3', { scope: { type: 'session', id: 'sesn_1' } }), 'of a session');
    const seen: number[] = [];
    const staged = await it.blobs.stage(chunks('more'));
    const check = (used: number) => {
      seen.push(used);
      throw invalid('full');
    };
    await assert.rejects(it.files.insert(metadata('file_4'), staged, check), refusal('invalid_request'));
    assert.deepEqual(seen, [6]);
    assert.equal(await it.files.get('file_4', atUs), null);
    assert.equal(await it.isKept('more'), false);
    await it.files.insert(metadata('file_4', { size_bytes: 4 }), staged, () => {});
    assert.equal(await it.files.usedBytes(), 10);
    await it.files.remove('file_1', atUs);
    assert.equal(await it.files.usedBytes(), 7);
    await it.files.remove('file_3', atUs);
    assert.equal(await it.files.usedBytes(), 7);
  });

  test('a removed one keeps its place for a day', async () => {
    await using it = await open();
    await it.put(metadata('file_1'));
    assert.deepEqual(await it.files.position('file_1'), [atUs, 'file_1']);
    assert.equal(await it.files.remove('file_1', atUs), true);
    assert.equal(await it.files.remove('file_1', atUs), false);
    assert.deepEqual(await it.files.position('file_1'), [atUs, 'file_1']);
    assert.equal(await it.workspace('wrkspc_2').collections.files.position('file_1'), null);
    await it.fileExpiry.expire(atUs + dayUs - 1);
    assert.deepEqual(await it.files.position('file_1'), [atUs, 'file_1']);
    await it.fileExpiry.expire(atUs + dayUs);
    assert.equal(await it.files.position('file_1'), null);
  });
}

function contentTests(open: Open): void {
  test('is hashed as it comes, and read whole or in part', async () => {
    await using it = await open();
    const text = 'ab'.repeat(300_000);
    const staged = await it.blobs.stage(chunks(text.slice(0, 7), '', text.slice(7)));
    assert.deepEqual([staged.sha256, staged.bytes], [sha256(text), 600_000]);
    await it.files.insert(metadata('file_1'), staged, () => {});
    assert.equal(await it.text(staged.sha256), text);
    for (const [start, end] of [
      [0, 0],
      [0, 1],
      [599_999, 600_000],
      [262_143, 262_146],
      [5, 5],
    ] as const) {
      let part = '';
      for await (const chunk of it.blobs.read(staged.sha256, { start, end })) part += Buffer.from(chunk);
      assert.equal(part, text.slice(start, end));
    }
  });

  test('may be empty', async () => {
    await using it = await open();
    await it.put(metadata('file_1'), '');
    assert.equal(await it.text(sha256('')), '');
  });

  test('cannot be read before a row names it, and never after it was given up', async () => {
    await using it = await open();
    const staged = await it.blobs.stage(chunks('abc'));
    assert.equal(await it.isKept('abc'), false);
    await it.blobs.discard(staged);
    await it.blobs.discard(staged);
    await assert.rejects(it.files.insert(metadata('file_1'), staged, () => {}));
    assert.equal(await it.files.get('file_1', atUs), null);
    assert.equal(await it.isKept('abc'), false);
  });

  test('whose source fails is not kept', async () => {
    await using it = await open();
    const failure = new Error('the client is gone');
    async function* failing() {
      yield Buffer.from('abc');
      throw failure;
    }
    await assert.rejects(it.blobs.stage(failing()), failure);
  });

  test('that two files have goes with the second', async () => {
    await using it = await open();
    await it.put(metadata('file_1'), 'abc');
    await it.put(metadata('file_2'), 'abc');
    await it.files.remove('file_1', atUs);
    assert.equal(await it.isKept('abc'), true);
    await it.files.remove('file_2', atUs);
    assert.equal(await it.isKept('abc'), false);
    await it.put(metadata('file_3'), 'abc');
    assert.equal(await it.isKept('abc'), true);
  });

  test('that goes while it is read is read to its end, and not begun any more', async () => {
    await using it = await open();
    const mebibyte = 'x'.repeat(1024 * 1024);
    // The last chunk is a part, or as large as the others.
    for (const [name, text] of [
      ['part', `${mebibyte.repeat(3)}end`],
      ['whole', mebibyte.repeat(2)],
    ] as const) {
      const putAndRemove = async (id: string, meanwhile = async () => {}) => {
        await it.put(metadata(id), text);
        await meanwhile();
        await it.files.remove(id, atUs);
      };
      const reader = it.blobs.read(sha256(text))[Symbol.asyncIterator]();
      const read = createHash('sha256');
      const first = async () => void read.update((await reader.next()).value ?? '');
      await putAndRemove(`file_${name}`, first);
      assert.equal(await it.isKept(text), false);
      await putAndRemove(`file_${name}_again`);
      for (let next = await reader.next(); !next.done; next = await reader.next()) read.update(next.value);
      assert.equal(read.digest('hex'), sha256(text));
    }
  });

  test('is kept for whoever has it, however uploads and removals of the same meet', async () => {
    await using it = await open();
    const rounds = Array.from({ length: 40 }, (_, index) => index);
    await it.put(metadata('file_a'), 'abc');
    await it.put(metadata('file_b'), 'xyz');
    await Promise.all(
      rounds.map(async (round) => {
        const id = `file_${round}`;
        await it.put(metadata(id), round % 3 === 0 ? 'xyz' : 'abc');
        if (round === 20) await it.files.remove('file_b', atUs);
        if (round % 4 !== 1) await it.files.remove(id, atUs);
      }),
    );
    await it.files.remove('file_a', atUs);
    for (const { item } of await it.files.page(all)) {
      const stored = await it.files.get(item.id, atUs);
      assert.ok(stored?.sha256);
      assert.equal((await it.text(stored.sha256)).length, 3);
    }
    for (const { item } of await it.files.page(all)) await it.files.remove(item.id, atUs);
    assert.deepEqual([await it.isKept('abc'), await it.isKept('xyz')], [false, false]);
    assert.equal(await it.files.usedBytes(), 0);
  });
}

function sessionTests(open: Open): void {
  const scope = { type: 'session', id: 'sesn_1' } as const;
  const copy = (sourceId: string, id: string) => ({ sourceId, id, atUs: atUs + 5 });
  const change = (files: Partial<SessionFiles>) => ({ copies: [], removed: [], ...files });

  /** A session that is born with files. */
  const born = (it: Awaited<ReturnType<Open>>, files: SessionFiles) => {
    const moment = { nowUs: atUs, newId: () => 'sevt_1' };
    return it.log.create(createSession(birthOf({ createdAtUs: atUs }), [], moment), { files });
  };
  /** A decision that appends an entry, and changes files with it. */
  const decide = (it: Awaited<ReturnType<Open>>, files: SessionFiles, title: string | null = 'new') =>
    it.log.commit('sesn_1', (state) => {
      const draft = draftOf(state, { nowUs: atUs + 5, newId: () => 'sevt_2' });
      updateSession(draft, { title });
      return { entries: draft.entries(), result: null, files };
    });

  test('what tools made of a path is one file, whatever it was before; a crash leaves all or nothing', async () => {
    await using it = await open();
    const seen = { sessionId: 'sesn_1', path: 'a/b', signature: '1', bytes: 3 };
    const make = async (id: string, text: string) =>
      it.sessionOutputs.keep(seen, metadata(id, { scope }), await it.blobs.stage(chunks(text)));
    await assert.rejects(make('file_1', 'one'), refusal('not_found'));
    await assert.rejects(it.sessionOutputs.note(seen, null), refusal('not_found'));
    await it.create();
    const known = async () => (await it.sessionOutputs.known('sesn_1')).get('a/b');
    assert.equal(await known(), undefined);
    await make('file_1', 'one');
    const made = { signature: '1', bytes: 3, sha256: sha256('one'), fileId: 'file_1' };
    assert.deepEqual(await known(), made);
    await it.sessionOutputs.note({ ...seen, signature: '2' }, made.sha256);
    assert.deepEqual(await known(), { ...made, signature: '2' });
    await make('file_2', 'two');
    assert.equal(await it.files.get('file_1', atUs), null);
    assert.deepEqual([await it.isKept('one'), await it.isKept('two')], [false, true]);
    assert.equal(await it.files.remove('file_2', atUs), true);
    assert.deepEqual(await known(), { ...made, sha256: sha256('two'), fileId: null });
    await it.sessionOutputs.note(seen, null);
    await make('file_3', 'two');
    assert.equal((await known())?.fileId, 'file_3');
    await it.log.remove('sesn_1', () => ({ entries: [], result: null }));
    assert.equal(await known(), undefined);
    assert.equal(await it.isKept('two'), false);
  });

  test('are copies with ids of their own, made with the session', async () => {
    await using it = await open();
    const source = metadata('file_1', { downloadable: true, expires_at: formatUs(atUs + dayUs) });
    await it.put(source, 'abc');
    await born(it, change({ copies: [copy('file_1', 'file_2'), copy('file_1', 'file_3')] }));
    assert.deepEqual(await it.files.get('file_2', atUs), {
      file: {
        ...source,
        id: 'file_2',
        downloadable: false,
        created_at: formatUs(atUs + 5),
        expires_at: null,
        scope,
      },
      sha256: sha256('abc'),
    });
    assert.deepEqual(await it.ids({ scopeId: 'sesn_1' }), ['file_2', 'file_3']);
    assert.deepEqual(await it.ids(), ['file_1']);
    assert.deepEqual(await it.ids({ ids: ['file_1', 'file_2'] }), ['file_1', 'file_2']);
    assert.deepEqual(await it.ids({ scopeId: 'sesn_1', ids: ['file_1', 'file_2'] }), ['file_2']);
    assert.deepEqual(await it.ids({ scopeId: 'sesn_2' }), []);
    assert.equal(await it.files.usedBytes(), 3);
    await it.files.remove('file_1', atUs);
    assert.equal(await it.isKept('abc'), true);
    assert.equal(await it.files.usedBytes(), 0);
  });

  for (const [name, sourceId, errorCode] of [
    ['is absent', 'file_0', undefined],
    ['has expired', 'file_2', 'file_expired'],
    ['is of another workspace', 'file_3', undefined],
  ] as const) {
    test(`a copy of what ${name} refuses the whole decision`, async () => {
      await using it = await open();
      await it.put(metadata('file_1'));
      await it.put(metadata('file_2', { expires_at: formatUs(atUs + 5) }));
      const staged = await it.blobs.stage(chunks('x'));
      await it.workspace('wrkspc_2').collections.files.insert(metadata('file_3'), staged, () => {});
      const copies = [copy('file_1', 'file_8'), copy(sourceId, 'file_9')];
      await assert.rejects(born(it, change({ copies })), refusal('not_found', errorCode));
      assert.equal(await it.log.state('sesn_1'), null);
      await born(it, change({ copies: [copy('file_1', 'file_4')] }));
      const before = await it.log.state('sesn_1');
      await assert.rejects(
        decide(it, change({ copies, removed: ['file_4'] })),
        refusal('not_found', errorCode),
      );
      assert.equal((await it.log.state('sesn_1'))?.seq, before?.seq);
      assert.deepEqual(await it.ids({ scopeId: 'sesn_1' }), ['file_4']);
    });
  }

  test('come and go with a decision, and only those of the session', async () => {
    await using it = await open();
    await it.put(metadata('file_1'), 'abc');
    await born(it, change({ copies: [copy('file_1', 'file_2'), copy('file_1', 'file_3')] }));
    await decide(it, change({ copies: [copy('file_2', 'file_4')], removed: ['file_2', 'file_1', 'file_0'] }));
    assert.deepEqual(await it.ids({ scopeId: 'sesn_1' }), ['file_3', 'file_4']);
    assert.deepEqual(await it.ids(), ['file_1']);
    await it.files.remove('file_1', atUs);
    await decide(it, change({ removed: ['file_3', 'file_4'] }), null);
    assert.deepEqual(await it.ids({ scopeId: 'sesn_1' }), []);
    assert.equal(await it.isKept('abc'), false);
  });

  test('that tools made are inserted into a session that is there', async () => {
    await using it = await open();
    const made = metadata('file_1', { scope, downloadable: true, size_bytes: 4 });
    await assert.rejects(it.put(made, 'made'), refusal('not_found'));
    assert.equal(await it.isKept('made'), false);
    await it.create({ id: 'sesn_1' });
    await it.put(made, 'made');
    assert.deepEqual((await it.files.get('file_1', atUs))?.file, made);
    assert.equal(await it.files.usedBytes(), 0);
  });

  test('stay when it is archived, and go when it is removed', async () => {
    await using it = await open();
    await it.put(metadata('file_1'), 'abc');
    await born(it, change({ copies: [copy('file_1', 'file_2')] }));
    await it.put(metadata('file_3', { scope }), 'made');
    await it.create({ id: 'sesn_2' });
    await it.put(metadata('file_4', { scope: { type: 'session', id: 'sesn_2' } }), 'also made');
    await it.decide('sesn_1', archiveSession);
    assert.deepEqual(await it.ids({ scopeId: 'sesn_1' }), ['file_3', 'file_2']);
    await it.log.remove('sesn_1', () => ({ entries: [], result: null }));
    assert.deepEqual(await it.ids({ scopeId: 'sesn_1' }), []);
    assert.equal(await it.files.get('file_3', atUs), null);
    assert.deepEqual(
      [await it.isKept('abc'), await it.isKept('made'), await it.isKept('also made')],
      [true, false, true],
    );
    assert.equal(await it.files.usedBytes(), 3);
  });
}

function expiryTests(open: Open): void {
  const expiring = metadata('file_1', { expires_at: formatUs(atUs + 10) });

  test('lets go of content at its time, and of the file thirty days later', async () => {
    await using it = await open();
    await it.put(expiring, 'abc');
    await it.put(metadata('file_2'), 'xyz');
    assert.equal(await it.fileExpiry.expire(atUs + 9), false);
    assert.equal(await it.fileExpiry.expire(atUs + 10), true);
    assert.equal(await it.fileExpiry.expire(atUs + 10), false);
    assert.deepEqual(await it.files.get('file_1', atUs + 10), { file: expiring, sha256: null });
    assert.deepEqual([await it.isKept('abc'), await it.isKept('xyz')], [false, true]);
    assert.equal(await it.files.usedBytes(), 3);
    const end = atUs + 10 + 30 * dayUs;
    assert.deepEqual(await it.ids({ nowUs: end - 1 }), ['file_1', 'file_2']);
    assert.equal(await it.fileExpiry.expire(end - 1), false);
    assert.equal(await it.fileExpiry.expire(end), true);
    assert.equal(await it.files.get('file_1', atUs), null);
    assert.equal(await it.files.usedBytes(), 3);
  });

  test('is seen by clients at its time, whether or not it was done', async () => {
    await using it = await open();
    await it.put(expiring, 'abc');
    const end = atUs + 10 + 30 * dayUs;
    assert.ok(await it.files.get('file_1', end - 1));
    assert.equal(await it.files.get('file_1', end), null);
    assert.deepEqual([await it.ids({ nowUs: end - 1 }), await it.ids({ nowUs: end })], [['file_1'], []]);
    assert.equal(await it.files.remove('file_1', end), false);
  });

  test('keeps content that another file has', async () => {
    await using it = await open();
    await it.put(expiring, 'abc');
    await it.put(metadata('file_2'), 'abc');
    await it.fileExpiry.expire(atUs + 10);
    assert.equal(await it.isKept('abc'), true);
  });

  test('comes to an end however much there is', async () => {
    await using it = await open();
    for (let index = 0; index < 230; index++) await it.put({ ...expiring, id: `file_${index}` }, 'abc');
    let batches = 0;
    while (await it.fileExpiry.expire(atUs + 31 * dayUs)) batches++;
    assert.ok(batches >= 3 && batches < 10, String(batches));
    assert.deepEqual(await it.ids(), []);
    assert.equal(await it.files.usedBytes(), 0);
  });

  test('a model reads a file that is there, in whatever workspace, and none that has expired', async () => {
    await using it = await open();
    const other = it.workspace('wrkspc_2').collections.files;
    const nowUs = it.clock.nowUs();
    for (const [id, at] of [
      ['file_1', nowUs + 1],
      ['file_2', nowUs],
    ] as const) {
      const file = metadata(id, { expires_at: formatUs(at) });
      await other.insert(file, await it.blobs.stage(chunks(id)), () => {});
    }
    const read = await it.readFile('file_1');
    assert.deepEqual([read?.file.id, Buffer.from(read?.content ?? []).toString()], ['file_1', 'file_1']);
    assert.equal(await it.readFile('file_2'), null);
    assert.equal(await it.readFile('file_3'), null);
  });
}
