import type { OutputSeen, SessionOutputs } from '../domain/session-outputs.ts';
import { Refusal } from '../protocol/refusal.ts';
import type { Contents } from './contents.ts';
import type { Engine, Sql, Tx } from './engines/engine.ts';
import { fileRow } from './file-rows.ts';
import { byId } from './files.ts';
import { lock } from './log-queries.ts';
import { build } from './tables.ts';

export function createSessionOutputs(engine: Engine, contents: Contents): SessionOutputs {
  return {
    async known(sessionId) {
      const query = build
        .selectFrom('session_outputs')
        .leftJoin('files', 'files.id', 'session_outputs.file_id')
        .select([
          'session_outputs.path as path',
          'session_outputs.signature as signature',
          'session_outputs.sha256 as sha256',
          'session_outputs.bytes as bytes',
          'files.id as file_id',
        ])
        .where('session_outputs.session_id', '=', sessionId);
      const rows = await engine.read.all(query.compile());
      return new Map(
        rows.map(({ path, signature, sha256, bytes, file_id: fileId }) => [
          path,
          { signature, sha256, bytes, fileId },
        ]),
      );
    },
    keep(output, file, staged) {
      return contents.writeBeside(output.sessionId, async (tx, content) => {
        const workspaceId = await workspaceOf(tx, output.sessionId);
        await content.release(await removeEarlier(tx, workspaceId, output));
        await content.publish(staged);
        const row = fileRow(workspaceId, { file, sha256: staged.sha256 });
        await tx.run(build.insertInto('files').values(row).compile());
        await remember(tx, output, { sha256: staged.sha256, file_id: file.id });
      });
    },
    note(output, sha256) {
      return engine.writeBeside(output.sessionId, async (tx) => {
        await workspaceOf(tx, output.sessionId);
        const [before] = await tx.all(outputOf(output));
        await remember(tx, output, { sha256, file_id: before?.file_id ?? null });
      });
    },
  };
}

async function workspaceOf(tx: Tx, sessionId: string): Promise<string> {
  const [session] = await tx.lock(lock({ id: sessionId }));
  if (session) return session.workspace_id;
  throw new Refusal('not_found', `Session not found: ${sessionId}`);
}

function outputOf({ sessionId, path }: OutputSeen) {
  return build
    .selectFrom('session_outputs')
    .select('file_id')
    .where('session_id', '=', sessionId)
    .where('path', '=', path)
    .compile();
}

async function removeEarlier(
  tx: Sql,
  workspaceId: string,
  output: OutputSeen,
): Promise<readonly (string | null)[]> {
  const [before] = await tx.all(outputOf(output));
  const id = before?.file_id ?? null;
  const [file] = id === null ? [] : await tx.all(byId(workspaceId, id));
  if (!file) return [];
  await tx.run(build.deleteFrom('files').where('id', '=', file.id).compile());
  return [file.sha256];
}

async function remember(
  tx: Sql,
  { sessionId, path, signature, bytes }: OutputSeen,
  made: { readonly sha256: string | null; readonly file_id: string | null },
): Promise<void> {
  const seen = { signature, bytes, ...made };
  const query = build
    .insertInto('session_outputs')
    .values({ session_id: sessionId, path, ...seen })
    .onConflict((conflict) => conflict.columns(['session_id', 'path']).doUpdateSet(seen));
  await tx.run(query.compile());
}
