import { join } from 'node:path';
import type Anthropic from '@anthropic-ai/sdk';
import Database from 'better-sqlite3';
import type { EgressDecision } from '../../src/protocol/egress.ts';
import type { ServerHome } from './server.ts';

/** A page of what was decided at the door of a session's sandbox: a call of ours that the SDK has no method for. */
export function egressOf(client: Anthropic, sessionId: string, query: object = {}) {
  return client.get<{ data: EgressDecision[]; next_page: string | null }>(
    `/v1/sessions/${sessionId}/egress`,
    { query: { ...query }, headers: { 'anthropic-beta': 'managed-agents-2026-04-01' } },
  );
}

/** A decision behind the server's back, where no program has to connect to anything for it. */
export function putDecision(home: ServerHome, sessionId: string): void {
  const database = new Database(join(home.dataDir, 'anthill.db'), { timeout: 5_000 });
  const columns = 'id, workspace_id, session_id, at_us, host, port, result, reason';
  const values = "'egr_1', workspace_id, id, created_at_us, 'a.test', 80, 'refused', 'host_not_allowed'";
  const insert = `insert into egress_decisions (${columns}) select ${values} from sessions where id = ?`;
  database.prepare(insert).run(sessionId);
  database.close();
}
