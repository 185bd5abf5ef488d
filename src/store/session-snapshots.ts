import type { SessionSnapshots } from '../domain/session-snapshots.ts';
import type { Contents } from './contents.ts';
import type { Engine } from './engines/engine.ts';
import { build } from './tables.ts';

export function createSessionSnapshots(engine: Engine, contents: Contents): SessionSnapshots {
  return {
    async latest(sessionId) {
      const [row] = await engine.read.all(snapshotOf(sessionId));
      return row ?? null;
    },
    put: (sessionId, generation, staged, nowUs) =>
      contents.write(async (tx, content) => {
        const session = build.selectFrom('sessions').select('id').where('id', '=', sessionId);
        const [owner] = await tx.all(session.compile());
        const [before] = await tx.all(snapshotOf(sessionId));
        if (!owner || (before?.generation ?? 0) !== generation - 1) return false;
        await tx.run(build.deleteFrom('session_snapshots').where('session_id', '=', sessionId).compile());
        await content.publish(staged);
        const { sha256, bytes } = staged;
        const row = { session_id: sessionId, generation, sha256, bytes, created_at_us: nowUs };
        await tx.run(build.insertInto('session_snapshots').values(row).compile());
        if (before && before.sha256 !== sha256) await content.drop([before.sha256]);
        return true;
      }),
  };
}

function snapshotOf(sessionId: string) {
  return build
    .selectFrom('session_snapshots')
    .select(['generation', 'sha256', 'bytes'])
    .where('session_id', '=', sessionId)
    .compile();
}
