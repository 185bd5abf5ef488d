import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { CompiledQuery } from 'kysely';
import { forEver } from '../../test/contract/retention.ts';
import type { Subject } from '../../test/contract/subject.ts';
import { csvFile as file, openSubject } from '../../test/contract/subject.ts';
import { sharedPostgres } from '../../test/support/postgres.ts';
import { goneContentMs } from '../domain/limits.ts';
import { inlineBodies } from './bodies.ts';
import type { Engine } from './engines/engine.ts';
import { openPostgres } from './engines/postgres.ts';
import { openStoreOn } from './open.ts';

describe('content in rows of the database', () => {
  let engine: Engine;
  let it: Subject;

  before(async () => {
    engine = openPostgres(await (await sharedPostgres()).newSchema());
    it = await openSubject((options) =>
      openStoreOn(engine, { bodies: inlineBodies, blobs: null, ...options }),
    );
  });
  after(() => it.close());

  async function* bytes(count: number): AsyncGenerator<Uint8Array> {
    yield Buffer.alloc(count, 'x');
  }

  async function rowsOfContent(): Promise<number> {
    const query: CompiledQuery<{ count: number }> = CompiledQuery.raw(
      'select count(*) as count from content_chunks',
    );
    return (await engine.read.all(query))[0]?.count ?? -1;
  }

  async function sweep(): Promise<void> {
    const round = it.retention.round({
      settings: forEver,
      nowUs: it.clock.nowUs(),
      emptySnapshot: Buffer.alloc(0),
    });
    for await (const _ of round);
  }

  test('that was deleted stays for an hour, and then no longer', async () => {
    const { files } = it.collections;
    const kept = await it.blobs.stage(bytes(1_500_000));
    await files.insert({ ...file, id: 'file_2' }, kept, () => {});
    for (const count of [3_000_000, 1]) {
      const id = `file_of_${count}`;
      await files.insert({ ...file, id }, await it.blobs.stage(bytes(count)), () => {});
      await files.remove(id, it.clock.nowUs());
    }
    assert.equal(await rowsOfContent(), 2 + 3 + 1);
    it.clock.advance(goneContentMs);
    await sweep();
    assert.equal(await rowsOfContent(), 2 + 3 + 1);
    it.clock.advance(1);
    await sweep();
    assert.equal(await rowsOfContent(), 2);
  });

  test('of a snapshot that another one replaced is gone at once', async () => {
    const before = await rowsOfContent();
    const { id } = await it.create();
    for (const generation of [1, 2, 3]) {
      const staged = await it.blobs.stage(bytes(2_000_000 + generation));
      assert.ok(await it.sessionSnapshots.put(id, generation, staged, it.clock.nowUs()));
    }
    assert.equal(await rowsOfContent(), before + 2);
  });
});
