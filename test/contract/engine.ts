import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CompiledQuery } from 'kysely';
import { groupCommitJobsMax } from '../../src/domain/limits.ts';
import type { Engine, Sql } from '../../src/store/engines/engine.ts';

const createTable: CompiledQuery<unknown> = CompiledQuery.raw('create table ants (name text primary key)');
const allNames: CompiledQuery<{ name: string }> = CompiledQuery.raw('select name from ants order by name');

export const add = (name: string): CompiledQuery<unknown> =>
  CompiledQuery.raw('insert into ants (name) values (?)', [name]);
export const names = async (sql: Sql) => (await sql.all(allNames)).map(({ name }) => name);

/** An engine with a table of names, closed at the end of the test. */
export async function withAnts(engine: Engine): Promise<Engine & AsyncDisposable> {
  await engine.write((tx) => tx.run(createTable));
  return { ...engine, [Symbol.asyncDispose]: () => engine.close() };
}

/** What an engine keeps to whose data is in one place for several connections. */
export function snapshotContract(open: () => Promise<Engine>): void {
  test('a snapshot sees one moment, while others write', async () => {
    await using engine = await withAnts(await open());
    await engine.write((tx) => tx.run(add('ada')));
    const both = await engine.snapshot(async (sql) => {
      const first = await names(sql);
      await engine.write((tx) => tx.run(add('bob')));
      return [first, await names(sql)];
    });
    assert.deepEqual(both, [['ada'], ['ada']]);
    assert.deepEqual(await names(engine.read), ['ada', 'bob']);
  });
}

/** What every engine under the store keeps to; `open` gives an empty database. */
export function engineContract(open: () => Promise<Engine>): void {
  const ants = async () => withAnts(await open());

  describe('engine', () => {
    test('a write resolves with what its work made, once readers see it', async () => {
      await using engine = await ants();
      assert.equal(await engine.write(async (tx) => (await tx.run(add('ada'))) + 41), 42);
      assert.deepEqual(await names(engine.read), ['ada']);
    });

    test('work sees what it wrote itself and what was written before it', async () => {
      await using engine = await ants();
      const seen = ['ada', 'bob', 'cyd'].map((name) =>
        engine.write(async (tx) => {
          await tx.run(add(name));
          return names(tx);
        }),
      );
      assert.deepEqual(await Promise.all(seen), [['ada'], ['ada', 'bob'], ['ada', 'bob', 'cyd']]);
    });

    test('work that fails leaves nothing of what it wrote and rejects with its own error', async () => {
      await using engine = await ants();
      const failure = new Error('no');
      const write = engine.write(async (tx) => {
        await tx.run(add('ada'));
        throw failure;
      });
      await assert.rejects(write, (cause) => cause === failure);
      assert.deepEqual(await names(engine.read), []);
    });

    test('work that fails takes nothing else with it', async () => {
      await using engine = await ants();
      const writes = ['ada', 'bob', 'ada', 'cyd'].map((name) => engine.write((tx) => tx.run(add(name))));
      const outcomes = await Promise.allSettled(writes);
      assert.deepEqual(
        outcomes.map(({ status }) => status),
        ['fulfilled', 'fulfilled', 'rejected', 'fulfilled'],
      );
      assert.deepEqual(await names(engine.read), ['ada', 'bob', 'cyd']);
    });

    test('writes are done one after the other, in the order they came, however many', async () => {
      await using engine = await ants();
      const count = groupCommitJobsMax * 2 + 1;
      const order: number[] = [];
      const writes = Array.from({ length: count }, (_, at) =>
        engine
          .write(async (tx) => {
            await tx.run(add(String(at)));
            return (await names(tx)).length;
          })
          .finally(() => order.push(at)),
      );
      const counts = await Promise.all(writes);
      assert.deepEqual(
        counts,
        counts.map((_, at) => at + 1),
      );
      assert.deepEqual(order, [...counts.keys()], 'acknowledged in the same order');
    });

    test('compacting waits for the writes that came before, and keeps everything', async () => {
      await using engine = await ants();
      const writes = ['ada', 'bob'].map((name) => engine.write((tx) => tx.run(add(name))));
      await engine.compact();
      await Promise.all([...writes, engine.write((tx) => tx.run(add('cyd')))]);
      assert.deepEqual(await names(engine.read), ['ada', 'bob', 'cyd']);
    });

    test('closing waits for the writes that came before', async () => {
      const engine = await withAnts(await open());
      const write = engine.write((tx) => tx.run(add('ada')));
      await engine.close();
      assert.equal(await write, 1);
    });

    test('a write after the end is refused', async () => {
      const engine = await withAnts(await open());
      await engine.close();
      await assert.rejects(engine.write((tx) => tx.run(add('ada'))));
    });
  });
}
