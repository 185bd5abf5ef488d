import type { Client } from '../worker-sdk.ts';
import type { Copying } from './import-copying.ts';
import { copiesIn, importedFrom, oldestFirst, trying } from './import-copying.ts';

type Agents = Client['beta']['agents'];
type Agent = Awaited<ReturnType<Agents['retrieve']>>;
type CreateParams = Parameters<Agents['create']>[0];
type UpdateParams = Parameters<Agents['update']>[1];

/** An agent that names others comes after them; those in a circle, or with an agent that is not copied, are left out. */
export async function importAgents(copying: Copying): Promise<void> {
  const { source, target, report } = copying;
  const copies = await copiesIn(target.beta.agents.list({ include_archived: true }));
  let left = await oldestFirst(source.beta.agents.list());
  for (let count = -1; count !== left.length; ) {
    count = left.length;
    const later: Agent[] = [];
    for (const agent of left) {
      const versions = await oldestFirst(source.beta.agents.versions.list(agent.id));
      if (missing(copying, versions).length > 0) later.push(agent);
      else
        await trying(copying, { what: 'agent', id: agent.id }, () =>
          importAgent(copying, versions, copies.get(agent.id) ?? null),
        );
    }
    left = later;
  }
  for (const { id } of left) {
    const versions = await oldestFirst(source.beta.agents.versions.list(id));
    const why = `it names what is not copied: ${missing(copying, versions).join(', ')}`;
    report({ what: 'agent', result: 'left out', id, why });
  }
}

async function importAgent(
  { target, ids, report }: Copying,
  versions: readonly Agent[],
  known: Agent | null,
): Promise<void> {
  const [first] = versions;
  if (!first) return;
  const { id } = first;
  if (known?.archived_at) {
    ids.set(id, known.id);
    return report({ what: 'agent', result: 'left out', id, copy: known.id, why: 'its copy is archived' });
  }
  const label = { [importedFrom]: id };
  let copy =
    known ??
    (await target.beta.agents.create({
      ...definitionOf(first, ids),
      metadata: { ...first.metadata, ...label },
    }));
  ids.set(id, copy.id);
  const there = known?.version ?? 0;
  for (const version of versions.slice(copy.version)) {
    const gone = Object.keys(copy.metadata).filter((name) => !(name in version.metadata));
    const removed = Object.fromEntries(gone.map((name) => [name, null]));
    copy = await target.beta.agents.update(copy.id, {
      version: copy.version,
      ...definitionOf(version, ids),
      metadata: { ...removed, ...version.metadata, ...label },
    } as UpdateParams);
  }
  const added = Math.max(0, versions.length - there);
  const result = known === null ? 'made' : added === 0 ? 'there' : 'added to';
  report({ what: 'agent', result, id, copy: copy.id, why: `${added} versions copied` });
}

/** What an agent is, as it is sent, with the copies of what it names. */
function definitionOf(agent: Agent, ids: ReadonlyMap<string, string>): CreateParams {
  const { name, model, description, system, tools, mcp_servers, skills, multiagent } = agent;
  const definition = { name, model, description, system, tools, mcp_servers, skills, multiagent };
  const text = JSON.stringify(definition, (key, value: unknown) => {
    const isName = typeof value === 'string' && (key === 'skill_id' || key === 'id' || key === 'version');
    return isName ? (ids.get(value) ?? value) : value;
  });
  // What an agent is shown as is what may be sent.
  return JSON.parse(text) as CreateParams;
}

/** Of the agents and skills that versions name, those that have no copies. */
function missing({ ids }: Copying, versions: readonly Agent[]): string[] {
  const named = new Set<string>();
  for (const { skills, multiagent } of versions)
    JSON.stringify({ skills, multiagent }, (_, value: unknown) => {
      const id = nameIn(value);
      if (id !== null) named.add(id);
      return value;
    });
  return [...named].filter((id) => !ids.has(id));
}

function nameIn(value: unknown): string | null {
  if (typeof value !== 'object' || value === null) return null;
  const { type, id, skill_id } = value as Readonly<Record<string, unknown>>;
  if (type === 'agent' && typeof id === 'string') return id;
  return type === 'custom' && typeof skill_id === 'string' ? skill_id : null;
}
