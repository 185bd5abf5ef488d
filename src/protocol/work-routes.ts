import type { Route } from './route.ts';
import { act, cursor, list, read, write } from './route-parts.ts';
import {
  workHeartbeatQuery,
  workHeartbeatSchema,
  workPollQuery,
  workSchema,
  workStatsSchema,
  workStop,
  workUpdate,
} from './work.ts';

/** The lines of the route table about the work of self-hosted environments. */

const work = {
  beta: 'managed-agents',
  messages: 'environments',
  resource: ['beta', 'environments', 'work'],
} as const;

const itemsPath = '/v1/environments/:environment_id/work';
const itemPath = `${itemsPath}/:work_id` as const;

export const workRoutes = {
  'beta.environments.work list': {
    ...work,
    ...list(workSchema, cursor(20, 1000), {}),
    action: 'list',
    summary: 'List work items, newest first; for workers',
    path: itemsPath,
  },
  // Before the item, whose id it would otherwise be.
  'beta.environments.work poll': {
    ...work,
    ...read,
    action: 'poll',
    summary: 'Claim the next work item, or null; for workers',
    path: `${itemsPath}/poll`,
    query: workPollQuery,
    response: workSchema.nullable(),
  },
  'beta.environments.work stats': {
    ...work,
    ...read,
    action: 'stats',
    summary: 'Count what waits in the queue, and who polls it',
    path: `${itemsPath}/stats`,
    response: workStatsSchema,
  },
  'beta.environments.work retrieve': {
    ...work,
    ...read,
    action: 'retrieve',
    summary: 'Get a work item',
    path: itemPath,
    response: workSchema,
  },
  'beta.environments.work update': {
    ...work,
    ...write,
    action: 'update',
    summary: 'Update the metadata of a work item',
    path: itemPath,
    body: workUpdate,
    response: workSchema,
  },
  'beta.environments.work ack': {
    ...work,
    ...act,
    action: 'ack',
    summary: 'Take a claimed item off the queue; for workers',
    path: `${itemPath}/ack`,
    response: workSchema,
  },
  'beta.environments.work heartbeat': {
    ...work,
    ...act,
    action: 'heartbeat',
    summary: 'Keep the lease of an item; for workers',
    path: `${itemPath}/heartbeat`,
    query: workHeartbeatQuery,
    response: workHeartbeatSchema,
  },
  'beta.environments.work stop': {
    ...work,
    ...write,
    action: 'stop',
    summary: 'Stop an item, at once with force',
    path: `${itemPath}/stop`,
    body: workStop,
    response: workSchema,
  },
} as const satisfies Readonly<Record<string, Route>>;
