import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { formatUs } from '../../src/base/timestamp.ts';
import { retentionBatchRows } from '../../src/domain/limits.ts';
import type { RetentionSettings } from '../../src/domain/retention.ts';
import { archiveSession } from '../../src/domain/session/lifecycle.ts';
import type { FileMetadata } from '../../src/protocol/files.ts';
import type { MakeStore, Subject } from './subject.ts';
import { answer, goOn, openSubject } from './subject.ts';

const dayUs = 24 * 3_600 * 1_000_000;
export const forEver: RetentionSettings = {
  sandboxesDays: null,
  idleSandboxesDays: null,
  sessionFilesDays: null,
  egressDays: null,
  deploymentRunsDays: null,
  workDays: null,
  archivedSessionsDays: null,
  usageDays: null,
};
const emptySnapshot = Buffer.from('nothing');

async function* once(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
}

/** What every implementation keeps to for what is taken away once it is old. */
export function retentionContract(make: MakeStore): void {
  const open = async () => {
    const it = await openSubject(make);
    const round = async (settings: Partial<RetentionSettings>) => {
      const what = { settings: { ...forEver, ...settings }, nowUs: it.clock.nowUs(), emptySnapshot };
      for await (const _ of it.retention.round(what));
    };
    const snapshot = async (id: string, generation: number, text: string) => {
      const staged = await it.blobs.stage(once(text));
      assert.ok(await it.sessionSnapshots.put(id, generation, staged, it.clock.nowUs()));
      await it.blobs.discard(staged);
    };
    const latest = async (id: string) => {
      const found = await it.sessionSnapshots.latest(id);
      let text = '';
      if (found) for await (const chunk of it.blobs.read(found.sha256)) text += Buffer.from(chunk);
      return found && [found.generation, text];
    };
    return { ...it, round, snapshot, latest };
  };

  /** A session that came to rest. */
  async function rested(it: Subject, id: string): Promise<void> {
    await it.create({ id }, ['hello']);
    await it.decide(id, goOn);
    await it.decide(id, (draft) => answer(draft));
    assert.equal((await it.log.state(id))?.status, 'idle');
  }

  describe('retention', () => {
    test('tells whose files of sandboxes need not be kept, by what became of the sessions and when', async () => {
      await using it = await open();
      for (const id of ['sesn_archived', 'sesn_idle', 'sesn_fresh', 'sesn_deleted']) await rested(it, id);
      await it.create({ id: 'sesn_running' }, ['hello']);
      await it.decide('sesn_archived', archiveSession);
      it.clock.advance(2 * 24 * 3_600_000 + 1_000);
      await it.send('sesn_fresh', 'again');
      await it.decide('sesn_fresh', goOn);
      await it.decide('sesn_fresh', (draft) => answer(draft));
      const all = ['sesn_archived', 'sesn_deleted', 'sesn_fresh', 'sesn_idle', 'sesn_none', 'sesn_running'];
      const told = async (settings: Partial<RetentionSettings>) => {
        const what = { settings: { ...forEver, ...settings }, nowUs: it.clock.nowUs() };
        return (await it.retention.forsaken(all, what)).map(({ id, isGone }) => (isGone ? `no ${id}` : id));
      };
      assert.deepEqual(await told({}), ['no sesn_none']);
      assert.deepEqual(await told({ sandboxesDays: 3 }), ['no sesn_none']);
      assert.deepEqual(await told({ sandboxesDays: 2 }), ['sesn_archived', 'no sesn_none']);
      assert.deepEqual(await told({ idleSandboxesDays: 2 }), ['sesn_deleted', 'sesn_idle', 'no sesn_none']);
      await it.log.remove('sesn_deleted', () => ({ entries: [], result: null }));
      assert.deepEqual(await told({}), ['no sesn_deleted', 'no sesn_none']);
    });

    test('tells which sessions were archived for long enough to be deleted, all of many', async () => {
      await using it = await open();
      const many = Array.from({ length: retentionBatchRows + 5 }, (_, at) => `sesn_${1000 + at}`);
      const archived = many.filter((id) => id !== 'sesn_1003');
      for (const id of many) await it.create({ id });
      for (const id of archived) await it.decide(id, archiveSession);
      it.clock.advance(2 * 24 * 3_600_000 + 1_000);
      await it.create({ id: 'sesn_young' });
      await it.decide('sesn_young', archiveSession);
      it.clock.advance(1_000);
      const told = async (archivedSessionsDays: number | null) => {
        const what = { settings: { ...forEver, archivedSessionsDays }, nowUs: it.clock.nowUs() };
        const pages: string[] = [];
        for await (const ids of it.retention.outlived(what)) pages.push(...ids);
        return pages.sort();
      };
      assert.deepEqual(await told(null), []);
      assert.deepEqual(await told(3), []);
      assert.deepEqual(await told(2), archived);
      assert.ok((await told(0)).includes('sesn_young'));
    });

    test('an empty snapshot follows the one of a session whose files are no longer kept, once', async () => {
      await using it = await open();
      for (const id of ['sesn_idle', 'sesn_fresh']) {
        await rested(it, id);
        await it.snapshot(id, 1, `files of ${id}`);
      }
      it.clock.advance(24 * 3_600_000 + 1_000);
      await it.send('sesn_fresh', 'again');
      await it.round({ idleSandboxesDays: 1 });
      await it.round({ idleSandboxesDays: 1 });
      assert.deepEqual(await it.latest('sesn_idle'), [2, 'nothing']);
      assert.deepEqual(await it.latest('sesn_fresh'), [1, 'files of sesn_fresh']);
      // It goes on as after any other.
      await it.snapshot('sesn_idle', 3, 'new files');
      assert.deepEqual(await it.latest('sesn_idle'), [3, 'new files']);
    });

    test('files of a session go when it has been archived for long enough, and uploads stay', async () => {
      await using it = await open();
      const { files } = it.collections;
      await rested(it, 'sesn_1');
      await rested(it, 'sesn_2');
      for (const [id, session] of [
        ['file_1', 'sesn_1'],
        ['file_2', 'sesn_2'],
        ['file_3', null],
      ] as const) {
        const staged = await it.blobs.stage(once(id));
        await files.insert(metadata(it, id, session), staged, () => {});
      }
      await it.decide('sesn_1', archiveSession);
      it.clock.advance(24 * 3_600_000 + 1_000);
      await it.round({ sessionFilesDays: 2 });
      assert.ok(await files.get('file_1', it.clock.nowUs()));
      await it.round({ sessionFilesDays: 1 });
      const left = await Promise.all(
        ['file_1', 'file_2', 'file_3'].map(async (id) => (await files.get(id, it.clock.nowUs())) !== null),
      );
      assert.deepEqual(left, [false, true, true]);
      // A list can go on behind it.
      assert.ok(await files.position('file_1'));
    });

    test('decisions at doors go by their age, however many they are', async () => {
      await using it = await open();
      await rested(it, 'sesn_1');
      const nowUs = it.clock.nowUs();
      const record = (number: number, atUs: number) => ({
        id: `egr_${number}`,
        sessionId: 'sesn_1',
        atUs,
        host: `${number}.test`,
        port: 443,
        result: 'allowed' as const,
        reason: 'unrestricted' as const,
      });
      const old = Array.from({ length: 250 }, (_, number) => record(number, nowUs - dayUs));
      await it.egressRecords.insert([...old, record(1_000, nowUs - dayUs + 1)]);
      const hosts = async () => {
        const query = { limit: 1000, order: 'asc', after: null, createdAt: {}, result: null } as const;
        return (await it.collections.egress.page('sesn_1', query)).map(({ item }) => item.host);
      };
      await it.round({ usageDays: 0, workDays: 0, deploymentRunsDays: 0 });
      assert.equal((await hosts()).length, 251);
      await it.round({ egressDays: 1 });
      assert.deepEqual(await hosts(), ['1000.test']);
    });
  });
}

function metadata({ clock }: Subject, id: string, session: string | null): FileMetadata {
  return {
    id,
    type: 'file',
    filename: 'a.csv',
    mime_type: 'text/csv',
    size_bytes: id.length,
    downloadable: session !== null,
    created_at: formatUs(clock.nowUs()),
    expires_at: null,
    scope: session === null ? null : { type: 'session', id: session },
  };
}
