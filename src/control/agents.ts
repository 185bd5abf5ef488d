import type { Clock } from '../base/clock.ts';
import type { NewId } from '../base/ids.ts';
import type { AgentRules } from '../domain/agents.ts';
import { archiveAgent, createAgent, updateAgent } from '../domain/agents.ts';
import type { ModelCatalog } from '../domain/catalog.ts';
import type { Agents, SkillVersions } from '../domain/collections.ts';
import { archiveDeployment } from '../domain/deployments.ts';
import type { FindAgent } from '../domain/multiagent.ts';
import { referencedAgents } from '../domain/multiagent.ts';
import type { Agent, AgentCreate, AgentUpdate } from '../protocol/agents.ts';
import { invalid, Refusal } from '../protocol/refusal.ts';
import { loadSkills } from './agent-skills.ts';
import type { Page, WindowQuery } from './page.ts';
import { pageOf } from './page.ts';

export type AgentDeps = {
  readonly agents: Agents;
  readonly skillVersions: SkillVersions;
  readonly catalog: ModelCatalog;
  readonly clock: Clock;
  readonly newId: NewId;
};

export type AgentCommands = {
  create(body: AgentCreate): Promise<Agent>;
  retrieve(id: string, version?: number): Promise<Agent>;
  update(id: string, body: AgentUpdate): Promise<Agent>;
  list(query: WindowQuery & { include_archived?: boolean | undefined }): Promise<Page<Agent>>;
  archive(id: string): Promise<Agent>;
  versions(id: string, query: WindowQuery): Promise<Page<Agent>>;
};

const listDefaults = { limit: 20, order: 'desc' } as const;

export function createAgentCommands(deps: AgentDeps): AgentCommands {
  const { agents, skillVersions, catalog, clock, newId } = deps;

  async function rulesFor({ multiagent, skills }: AgentCreate | AgentUpdate): Promise<AgentRules> {
    const loaded = new Map<string, Agent | null>();
    const key = (id: string, version: number | undefined) => `${id}@${version ?? 'latest'}`;
    for (const { id, version } of multiagent ? referencedAgents(multiagent) : []) {
      loaded.set(key(id, version), await agents.get(id, version));
    }
    const find: FindAgent = (id, version) => loaded.get(key(id, version)) ?? null;
    const findSkill = await loadSkills(skillVersions, skills ?? []);
    return { catalog, nowUs: clock.nowUs(), find, findSkill };
  }

  async function change(id: string, rule: (current: Agent) => Agent): Promise<Agent> {
    const changed = await agents.change(checkedId(id), rule);
    if (!changed) throw absent(id);
    return changed;
  }

  return {
    async create(body) {
      const agent = createAgent(body, newId('agent'), await rulesFor(body));
      await agents.insert(agent);
      return agent;
    },
    async retrieve(id, version) {
      const agent = await agents.get(checkedId(id), version);
      if (!agent) throw absent(version === undefined ? id : `${id} version ${version}`);
      return agent;
    },
    async update(id, body) {
      const rules = await rulesFor(body);
      return await change(id, (current) => updateAgent(current, body, rules));
    },
    list: (query) =>
      pageOf(query, listDefaults, (page) =>
        agents.page({ ...page, includeArchived: query.include_archived ?? false }),
      ),
    async archive(id) {
      const nowUs = clock.nowUs();
      const archived = await agents.archive(checkedId(id), {
        agent: (current) => archiveAgent(current, nowUs),
        deployment: (current) => archiveDeployment(current, nowUs),
      });
      if (!archived) throw absent(id);
      return archived;
    },
    async versions(id, query) {
      if (!(await agents.get(checkedId(id)))) throw absent(id);
      return await pageOf(query, listDefaults, (page) => agents.versions(id, page));
    },
  };
}

/** A path id that cannot be an agent's is a 400, an unknown one a 404 (spec/agents.md, Endpoints). */
function checkedId(id: string): string {
  if (!/^agent_[A-Za-z0-9]{1,122}$/.test(id)) throw invalid('Invalid agent ID.');
  return id;
}

function absent(id: string): Refusal {
  return new Refusal('not_found', `Agent not found: ${id}`);
}
