import type { Route } from './route.ts';
import { cursor, list, read, remove, write } from './route-parts.ts';
import {
  deletedResourceSchema,
  fileResourceSchema,
  resourceAdd,
  resourceUpdate,
  sessionResourceSchema,
} from './session-resources.ts';

/** The lines of the route table about what is mounted into a session. */

const resources = {
  beta: 'managed-agents',
  messages: 'managed',
  resource: ['beta', 'sessions', 'resources'],
} as const;

const resourcesPath = '/v1/sessions/:session_id/resources';
const resourcePath = `${resourcesPath}/:resource_id` as const;

export const sessionResourceRoutes = {
  'beta.sessions.resources add': {
    ...resources,
    ...write,
    action: 'add',
    summary: 'Mount a copy of a file into a session',
    path: resourcesPath,
    body: resourceAdd,
    response: fileResourceSchema,
  },
  'beta.sessions.resources retrieve': {
    ...resources,
    ...read,
    action: 'retrieve',
    summary: 'Get a resource of a session',
    path: resourcePath,
    response: sessionResourceSchema,
  },
  'beta.sessions.resources update': {
    ...resources,
    ...write,
    action: 'update',
    summary: 'Give a repository of a session a new token',
    path: resourcePath,
    body: resourceUpdate,
    response: sessionResourceSchema,
  },
  'beta.sessions.resources list': {
    ...resources,
    ...list(sessionResourceSchema, cursor(1000, 1000), {}),
    action: 'list',
    summary: 'List the resources of a session',
    path: resourcesPath,
  },
  'beta.sessions.resources delete': {
    ...resources,
    ...remove,
    action: 'delete',
    summary: 'Take a file out of a session',
    path: resourcePath,
    response: deletedResourceSchema,
  },
} as const satisfies Record<string, Route>;
