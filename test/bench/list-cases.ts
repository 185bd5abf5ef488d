import type { PageQuery } from '../../src/domain/collections.ts';
import type { Store, WorkspaceStore } from '../../src/store/open.ts';
import { archivedId, idOf, laterUs } from './list-load.ts';
import type { Seed } from './list-seed.ts';

export type Case = readonly [name: string, page: () => Promise<readonly unknown[]>];

const limit = 10;

/** Every list that differs in its length only: its ends, its middle, and what filters leave of it. */
export function casesOf(store: Store, seed: Seed, size: number): Case[] {
  return [
    ...agentCases(store, seed, size),
    ...sessionCases(store, seed, size),
    ...eventCases(store.workspace(seed.workspaceId), seed, size),
    ...versionCases(store.workspace(seed.workspaceId), seed, size),
    ...deploymentCases(store, seed, size),
    ...runCases(store.workspace(seed.workspaceId), seed, size),
  ];
}

const newest: PageQuery = { limit: limit + 1, order: 'desc', after: null, createdAt: {} };

/** The first page of a list, newest first, one in the middle and the last. */
function places(seed: Seed, size: number, prefix: string): [string, PageQuery][] {
  const behind = (i: number): PageQuery => ({
    ...newest,
    after: [seed.createdAtUs + laterUs(i), idOf(prefix, i)],
  });
  return [
    ['first', newest],
    ['middle', behind(Math.max(size / 2, limit) + 1)],
    ['last', behind(limit + 1)],
  ];
}

function agentCases(store: Store, seed: Seed, size: number): Case[] {
  const { agents } = store.workspace(seed.workspaceId).collections;
  const others = store.workspace(archivedId).collections.agents;
  return [
    ...places(seed, size, 'agent').map(
      ([place, query]): Case => [`agents: ${place}`, () => agents.page({ ...query, includeArchived: false })],
    ),
    ['agents: all but 10 archived', () => others.page({ ...newest, includeArchived: false })],
  ];
}

function sessionCases(store: Store, seed: Seed, size: number): Case[] {
  const { sessions } = store.workspace(seed.workspaceId).collections;
  const others = store.workspace(archivedId).collections.sessions;
  const none = { includeArchived: false, agentId: null, agentVersion: null, statuses: null };
  const query = { ...none, deploymentId: null, memoryStoreId: null };
  const nowUs = seed.createdAtUs;
  const at = places(seed, size, 'sesn');
  return [
    ...at.map(
      ([place, page]): Case => [`sessions: ${place}`, () => sessions.page({ ...page, ...query }, nowUs)],
    ),
    ...at.map(
      ([place, page]): Case => [
        `sessions with archived: ${place}`,
        () => sessions.page({ ...page, ...query, includeArchived: true }, nowUs),
      ],
    ),
    [
      'sessions: 10 of a status',
      () => sessions.page({ ...newest, ...query, statuses: ['terminated'] }, nowUs),
    ],
    ['sessions: 10 of an agent', () => sessions.page({ ...newest, ...query, agentId: 'agent_rare' }, nowUs)],
    [
      'sessions: 10 of an agent, of a status',
      () => sessions.page({ ...newest, ...query, agentId: 'agent_rare', statuses: ['terminated'] }, nowUs),
    ],
    [
      'sessions: 10 of a deployment',
      () => sessions.page({ ...newest, ...query, deploymentId: 'depl_rare' }, nowUs),
    ],
    ['sessions: all but 10 archived', () => others.page({ ...newest, ...query }, nowUs)],
    [
      'sessions: all but 10 archived, of a status',
      () => others.page({ ...newest, ...query, statuses: ['terminated'] }, nowUs),
    ],
  ];
}

function eventCases({ log }: WorkspaceStore, seed: Seed, size: number): Case[] {
  const id = idOf('sesn', 1);
  const behind = (i: number) => [seed.createdAtUs + laterUs(i), i] as const;
  const list = (after: PageQuery['after']) => () =>
    log.events(id, { ...newest, order: 'asc', after, types: null });
  return [
    ['events of a session: first', list(null)],
    ['events of a session: middle', list(behind(size / 2 - limit / 2))],
    ['events of a session: last', list(behind(size - limit))],
    ['events of a session: 10 of a type', () => log.events(id, { ...newest, types: ['session.error'] })],
  ];
}

function versionCases({ collections }: WorkspaceStore, seed: Seed, size: number): Case[] {
  const { memoryVersions } = collections;
  const none = { memoryId: null, operation: null, sessionId: null, apiKeyId: null, serviceAccountId: null };
  const query = { ...none, withContent: false };
  return [
    ...places(seed, size, 'memver').map(
      ([place, page]): Case => [
        `memory versions: ${place}`,
        () => memoryVersions.page(seed.storeId, { ...page, ...query }),
      ],
    ),
    [
      'memory versions: 10 of a memory',
      () => memoryVersions.page(seed.storeId, { ...newest, ...query, memoryId: 'mem_rare' }),
    ],
    [
      'memory versions: 10 of an operation',
      () => memoryVersions.page(seed.storeId, { ...newest, ...query, operation: 'deleted' }),
    ],
  ];
}

function deploymentCases(store: Store, seed: Seed, size: number): Case[] {
  const { deployments } = store.workspace(seed.workspaceId).collections;
  const others = store.workspace(archivedId).collections.deployments;
  const query = { includeArchived: false, agentId: null, status: null };
  return [
    ...places(seed, size, 'depl').map(
      ([place, page]): Case => [`deployments: ${place}`, () => deployments.page({ ...page, ...query })],
    ),
    ['deployments: 10 of a status', () => deployments.page({ ...newest, ...query, status: 'paused' })],
    ['deployments: 10 of an agent', () => deployments.page({ ...newest, ...query, agentId: 'agent_rare' })],
    ['deployments: all but 10 archived', () => others.page({ ...newest, ...query })],
  ];
}

function runCases({ collections }: WorkspaceStore, seed: Seed, size: number): Case[] {
  const { deploymentRuns } = collections;
  const query = { deploymentId: null, trigger: null, hasError: null };
  return [
    ...places(seed, size, 'drun').map(
      ([place, page]): Case => [`runs: ${place}`, () => deploymentRuns.page({ ...page, ...query })],
    ),
    [
      'runs: 10 of a deployment',
      () => deploymentRuns.page({ ...newest, ...query, deploymentId: 'depl_rare' }),
    ],
    ['runs: 10 that failed', () => deploymentRuns.page({ ...newest, ...query, hasError: true })],
  ];
}
