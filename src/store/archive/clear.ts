import { randomUUID } from 'node:crypto';
import { CompiledQuery } from 'kysely';
import { importClearRows } from '../../domain/limits.ts';
import type { OpenAlone } from '../open-alone.ts';
import { contentPlaceOf } from './import-content.ts';
import { takeMarkToClear } from './import-mark.ts';
import { movedTables } from './moved-tables.ts';
import { sessionsOf } from './named-content.ts';

export type ClearOptions = {
  /** Also what could go on; false: only what an earlier call, which was interrupted, has begun with. */
  readonly isWanted: boolean;
  /** Takes away the files of a session's sandbox. */
  readonly discard: (sessionId: string) => Promise<void>;
};

/** Takes away all that an unfinished import has brought, and leaves an empty store. False: there is none. */
export async function clearUnfinished(
  into: OpenAlone,
  { isWanted, discard }: ClearOptions,
): Promise<boolean> {
  const mark = await takeMarkToClear(into.engine, { owner: randomUUID(), isWanted });
  if (mark === null) return false;
  for await (const { id } of sessionsOf(into.engine.read)) {
    into.bodies.discard(id);
    await discard(id);
  }
  const rows = [...movedTables, { name: 'content_chunks', keys: ['key', 'position'] }].reverse();
  for (const { name, keys } of rows) {
    let count = importClearRows;
    while (count > 0)
      count = await into.engine.write(async (tx) => {
        await mark.stay(tx);
        return await tx.run(deleteSome(name, keys));
      });
  }
  await contentPlaceOf(into).settle();
  await into.engine.write(mark.remove);
  return true;
}

function deleteSome(table: string, keys: readonly string[]): CompiledQuery<unknown> {
  const columns = keys.map((key) => `"${key}"`).join(', ');
  const text = `delete from "${table}" where (${columns}) in (select ${columns} from "${table}" order by ${columns} limit ?)`;
  return CompiledQuery.raw(text, [importClearRows]);
}
