import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { draftOf } from '../../src/domain/session/draft.ts';
import { archiveSession } from '../../src/domain/session/lifecycle.ts';
import type { MakeStore } from './subject.ts';
import { openSubject } from './subject.ts';

async function* once(...texts: readonly (string | Uint8Array)[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text);
}

/** What every implementation keeps to for snapshots of sessions, and for content in general. */
export function snapshotsContract(make: MakeStore): void {
  const open = async () => {
    const it = await openSubject(make);
    const session = await it.create();
    const put = async (generation: number, text: string, id = session.id) => {
      const staged = await it.blobs.stage(once(text));
      const isPut = await it.sessionSnapshots.put(id, generation, staged, it.clock.nowUs());
      await it.blobs.discard(staged);
      return isPut;
    };
    const read = async (sha256: string, range?: { start: number; end: number }) => {
      const chunks: Uint8Array[] = [];
      for await (const chunk of it.blobs.read(sha256, range)) chunks.push(chunk);
      return Buffer.concat(chunks);
    };
    return { ...it, session, put, read };
  };

  describe('snapshots', () => {
    test('each takes the place of the one before it', async () => {
      await using it = await open();
      assert.equal(await it.sessionSnapshots.latest(it.session.id), null);
      assert.equal(await it.put(1, 'one'), true);
      const first = await it.sessionSnapshots.latest(it.session.id);
      assert.equal(await it.put(2, 'two'), true);
      const second = await it.sessionSnapshots.latest(it.session.id);
      assert.deepEqual([second?.generation, second?.bytes], [2, 3]);
      assert.equal(String(await it.read(second?.sha256 ?? '')), 'two');
      await assert.rejects(it.read(first?.sha256 ?? ''), 'what no row names is gone');
    });

    test('one of a server that missed another changes nothing', async () => {
      await using it = await open();
      await it.put(1, 'one');
      await it.put(2, 'two');
      assert.equal(await it.put(2, 'late'), false);
      assert.equal(await it.put(4, 'early'), false);
      assert.equal((await it.sessionSnapshots.latest(it.session.id))?.generation, 2);
    });

    test('the same content as before is kept', async () => {
      await using it = await open();
      await it.put(1, 'same');
      await it.put(2, 'same');
      const latest = await it.sessionSnapshots.latest(it.session.id);
      assert.equal(String(await it.read(latest?.sha256 ?? '')), 'same');
    });

    test('go with their session, and none comes after it', async () => {
      await using it = await open();
      await it.put(1, 'one');
      const latest = await it.sessionSnapshots.latest(it.session.id);
      await it.log.remove(it.session.id, (state) => {
        const draft = draftOf(state, { nowUs: it.clock.nowUs(), newId: (prefix) => `${prefix}_x` });
        archiveSession(draft);
        return { entries: draft.entries(), result: null };
      });
      assert.equal(await it.sessionSnapshots.latest(it.session.id), null);
      await assert.rejects(it.read(latest?.sha256 ?? ''));
      assert.equal(await it.put(1, 'one'), false);
    });

    test('content of any size comes back, whole and in parts', async () => {
      await using it = await open();
      const bytes = Buffer.alloc(2_500_000, 'ants ');
      const staged = await it.blobs.stage(once(bytes.subarray(0, 10), bytes.subarray(10), ''));
      assert.equal(staged.bytes, bytes.byteLength);
      await it.sessionSnapshots.put(it.session.id, 1, staged, 1);
      assert.ok((await it.read(staged.sha256)).equals(bytes));
      for (const [start, end] of [
        [0, 1],
        [1_048_575, 1_048_577],
        [1_048_576, 2_097_152],
        [2_400_000, 9_000_000],
        [5, 5],
      ] as const)
        assert.ok(
          (await it.read(staged.sha256, { start, end })).equals(bytes.subarray(start, end)),
          `${start}`,
        );
      const empty = await it.blobs.stage(once());
      await it.sessionSnapshots.put(it.session.id, 2, empty, 1);
      assert.equal((await it.read(empty.sha256)).byteLength, 0);
    });

    test('content that fails on its way leaves nothing', async () => {
      await using it = await open();
      async function* broken() {
        yield Buffer.alloc(2_000_000);
        throw new Error('the client left');
      }
      await assert.rejects(it.blobs.stage(broken()), /the client left/);
    });
  });
}
