import { cpSync } from 'node:fs';
import { join } from 'node:path';
import type { Copies } from './list-rows.ts';
import { copyRows } from './list-rows.ts';
import type { Seed } from './list-seed.ts';

/** What the filters leave of a list, whatever its size. */
export const matches = 10;
/** A workspace whose resources are all archived but for a few. */
export const archivedId = 'wrkspc_archived';
export const idOf = (prefix: string, i: number) => `${prefix}_${String(i).padStart(12, '0')}`;
export const laterUs = (i: number) => i * 1_000;

const sqlId = (prefix: string) => `printf('${prefix}_%012d', i)`;

/** A data directory whose lists have `count` items each, `matches` of them unlike the others. */
export function load(seed: Seed, dataDir: string, count: number): void {
  cpSync(seed.dataDir, dataDir, { recursive: true });
  const at = `${seed.createdAtUs} + ${laterUs(1)} * i`;
  const few = (chosen: string, others: string) => `iif(i % ${count / matches} = 0, ${chosen}, ${others})`;
  const rows = { at, few };
  const all = [
    ...agents(seed, rows),
    ...sessions(seed, rows),
    events(seed, rows),
    versions(seed, rows),
    ...deployments(seed, rows),
  ];
  copyRows(
    join(dataDir, 'anthill.db'),
    all.map((copy) => ({ ...copy, count })),
  );
}

/** In SQL: when the row was created, and one thing for the few, another for the others. */
type Rows = { readonly at: string; readonly few: (chosen: string, others: string) => string };
type Copy = Omit<Copies, 'count'>;

const archivedBut = ({ at, few }: Rows) => ({
  workspace_id: `'${archivedId}'`,
  created_at_us: at,
  archived_at_us: few('null', at),
});

function agents({ agentId }: Seed, rows: Rows): Copy[] {
  const { at, few } = rows;
  const sample = `id = '${agentId}'`;
  // What no page shows can be short.
  const document = few('sample.document', "'{}'");
  return [
    { table: 'agents', sample, differ: { id: sqlId('agent'), created_at_us: at } },
    { table: 'agents', sample, differ: { ...archivedBut(rows), id: sqlId('agent_a'), document } },
  ];
}

function sessions({ sessionId }: Seed, rows: Rows): Copy[] {
  const { at, few } = rows;
  const sample = `id = '${sessionId}'`;
  const rare = {
    status: few("'terminated'", "'idle'"),
    agent_id: few("'agent_rare'", 'sample.agent_id'),
    deployment_id: few("'depl_rare'", 'null'),
  };
  const short = { summary: few('sample.summary', "'{}'"), agent: few('sample.agent', "'{}'") };
  return [
    { table: 'sessions', sample, differ: { ...rare, id: sqlId('sesn'), created_at_us: at } },
    {
      table: 'sessions',
      sample,
      differ: { ...archivedBut(rows), ...short, id: sqlId('sesn_a'), status: "'terminated'" },
    },
  ];
}

function events({ sessionId }: Seed, { at, few }: Rows): Copy {
  return {
    table: 'entries',
    sample: `session_id = '${sessionId}' and event_type = 'agent.message'`,
    differ: {
      session_id: `'${idOf('sesn', 1)}'`,
      seq: 'i',
      event_id: sqlId('sevt'),
      event_type: few("'session.error'", 'sample.event_type'),
      listed_at_us: at,
    },
  };
}

function versions({ storeId }: Seed, { at, few }: Rows): Copy {
  return {
    table: 'memory_versions',
    sample: `store_id = '${storeId}'`,
    differ: {
      id: sqlId('memver'),
      created_at_us: at,
      memory_id: few("'mem_rare'", 'sample.memory_id'),
      operation: few("'deleted'", "'modified'"),
    },
  };
}

function deployments({ deploymentId }: Seed, rows: Rows): Copy[] {
  const { at, few } = rows;
  const sample = `id = '${deploymentId}'`;
  const rare = { agent_id: few("'agent_rare'", 'sample.agent_id'), status: few("'paused'", "'active'") };
  const document = few('sample.document', "'{}'");
  return [
    { table: 'deployments', sample, differ: { ...rare, id: sqlId('depl'), created_at_us: at } },
    { table: 'deployments', sample, differ: { ...archivedBut(rows), id: sqlId('depl_a'), document } },
    {
      table: 'deployment_runs',
      sample: `deployment_id = '${deploymentId}'`,
      differ: {
        id: sqlId('drun'),
        created_at_us: at,
        deployment_id: few("'depl_rare'", 'sample.deployment_id'),
        has_error: few('1', '0'),
      },
    },
  ];
}
