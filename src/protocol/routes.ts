import { z } from 'zod';
import { adminRoutes } from './admin-routes.ts';
import { agentCreate, agentSchema, agentUpdate } from './agents.ts';
import { deploymentRoutes } from './deployment-routes.ts';
import { diagnosisRoutes } from './diagnosis-routes.ts';
import { egressRoutes } from './egress-routes.ts';
import {
  deletedEnvironmentSchema,
  environmentCreate,
  environmentSchema,
  environmentUpdate,
} from './environments.ts';
import { eventsSend } from './event-params.ts';
import { clientEventSchema, eventTypes, sessionEventSchema, streamEventSchema } from './events.ts';
import { fileRoutes } from './file-routes.ts';
import type { Form, FormPart } from './form.ts';
import { memoryRoutes } from './memory-routes.ts';
import { modelInfoSchema } from './models.ts';
import type { Route } from './route.ts';
import { act, cursor, flag, limitOf, list, read, remove, time, write } from './route-parts.ts';
import { sessionResourceRoutes } from './session-resource-routes.ts';
import {
  deletedSessionSchema,
  sessionCreate,
  sessionSchema,
  sessionStatuses,
  sessionUpdate,
} from './sessions.ts';
import { skillRoutes } from './skill-routes.ts';
import { idSchema } from './text.ts';
import { threadSchema } from './threads.ts';
import { vaultRoutes } from './vault-routes.ts';
import { workRoutes } from './work-routes.ts';

/** The route table: every endpoint this server answers, in the order of its documents. */

const order = z.enum(['asc', 'desc']).optional();
const version = z
  .string()
  .transform((digits, context) => {
    if (/^[1-9]\d{0,8}$/.test(digits)) return Number(digits);
    context.addIssue({ code: 'custom', message: 'must be a positive integer' });
    return z.NEVER;
  })
  .optional();
const timeBounds = {
  'created_at[gt]': time,
  'created_at[gte]': time,
  'created_at[lt]': time,
  'created_at[lte]': time,
};

const managed = { beta: 'managed-agents', messages: 'managed' } as const;
const environmentStyle = { beta: 'managed-agents', messages: 'environments' } as const;

const agentsPaging = cursor(20, 100);
const environmentsPaging = cursor(20, 1000);
const sessionsPaging = cursor(20, 100, 'cursor-both');
const eventsPaging = cursor(1000, 1000);
const modelsPaging = cursor(20, 1000, 'ids');

const deltas = z
  .array(z.enum(['agent.message', 'agent.thinking']))
  .max(100)
  .optional();
/** `after` is ours: replay from an event id, then live. */
const streamQuery = z.strictObject({ event_deltas: deltas, after: idSchema.optional() });

const agents = { ...managed, resource: ['beta', 'agents'] } as const;
const versions = { ...managed, resource: ['beta', 'agents', 'versions'] } as const;
const environments = { ...environmentStyle, resource: ['beta', 'environments'] } as const;
const sessions = { ...managed, resource: ['beta', 'sessions'] } as const;
const events = { ...managed, resource: ['beta', 'sessions', 'events'] } as const;
const threads = { ...managed, resource: ['beta', 'sessions', 'threads'] } as const;
const threadEvents = { ...managed, resource: ['beta', 'sessions', 'threads', 'events'] } as const;
const models = { beta: null, messages: 'managed', resource: ['models'] } as const;
const betaModels = { ...models, resource: ['beta', 'models'] } as const;

const agentPath = '/v1/agents/:agent_id';
const environmentPath = '/v1/environments/:environment_id';
const sessionPath = '/v1/sessions/:session_id';
const threadPath = `${sessionPath}/threads/:thread_id` as const;

const modelList = {
  ...read,
  action: 'list',
  summary: 'List the models that agents can name',
  path: '/v1/models',
  query: z.strictObject({
    limit: limitOf(modelsPaging),
    after_id: z.string().optional(),
    before_id: z.string().optional(),
    lifecycle: z.array(z.enum(['active', 'deprecated', 'retired'])).optional(),
  }),
  response: modelInfoSchema,
  paging: modelsPaging,
} as const;
const modelRetrieve = {
  ...read,
  action: 'retrieve',
  summary: 'Get one model',
  // Ids such as `scripted/demo` contain a slash.
  path: '/v1/models/:model_id{.+}',
  response: modelInfoSchema,
} as const;

export const routes = {
  'beta.agents create': {
    ...agents,
    ...write,
    action: 'create',
    summary: 'Create an agent',
    path: '/v1/agents',
    body: agentCreate,
    response: agentSchema,
  },
  'beta.agents retrieve': {
    ...agents,
    ...read,
    action: 'retrieve',
    summary: 'Get an agent, or one of its versions',
    path: agentPath,
    query: z.strictObject({ version }),
    response: agentSchema,
  },
  'beta.agents update': {
    ...agents,
    ...write,
    action: 'update',
    summary: 'Update an agent: a new version if anything changes',
    path: agentPath,
    body: agentUpdate,
    response: agentSchema,
  },
  'beta.agents list': {
    ...agents,
    ...list(agentSchema, agentsPaging, {
      include_archived: flag,
      'created_at[gte]': time,
      'created_at[lte]': time,
    }),
    action: 'list',
    summary: 'List agents, newest first',
    path: '/v1/agents',
  },
  'beta.agents archive': {
    ...agents,
    ...act,
    action: 'archive',
    summary: 'Archive an agent for good',
    path: `${agentPath}/archive`,
    response: agentSchema,
  },
  'beta.agents.versions list': {
    ...versions,
    ...list(agentSchema, agentsPaging, {}),
    action: 'list',
    summary: 'List the versions of an agent, newest first',
    path: `${agentPath}/versions`,
  },
  'beta.environments create': {
    ...environments,
    ...write,
    action: 'create',
    summary: 'Create an environment',
    path: '/v1/environments',
    body: environmentCreate,
    response: environmentSchema,
  },
  'beta.environments retrieve': {
    ...environments,
    ...read,
    action: 'retrieve',
    summary: 'Get an environment',
    path: environmentPath,
    response: environmentSchema,
  },
  'beta.environments update': {
    ...environments,
    ...write,
    action: 'update',
    summary: 'Update an environment',
    path: environmentPath,
    body: environmentUpdate,
    response: environmentSchema,
  },
  'beta.environments list': {
    ...environments,
    ...list(environmentSchema, environmentsPaging, { include_archived: flag }),
    action: 'list',
    summary: 'List environments, newest first',
    path: '/v1/environments',
  },
  'beta.environments delete': {
    ...environments,
    ...remove,
    action: 'delete',
    summary: 'Delete an environment; --force although sessions use it',
    path: environmentPath,
    query: z.strictObject({ force: flag }),
    response: deletedEnvironmentSchema,
  },
  'beta.environments archive': {
    ...environments,
    ...act,
    action: 'archive',
    summary: 'Archive an environment: no new sessions',
    path: `${environmentPath}/archive`,
    response: environmentSchema,
  },
  'beta.sessions create': {
    ...sessions,
    ...write,
    action: 'create',
    summary: 'Create a session',
    path: '/v1/sessions',
    body: sessionCreate,
    response: sessionSchema,
  },
  'beta.sessions retrieve': {
    ...sessions,
    ...read,
    action: 'retrieve',
    summary: 'Get a session',
    path: sessionPath,
    response: sessionSchema,
  },
  'beta.sessions update': {
    ...sessions,
    ...write,
    action: 'update',
    summary: 'Update a session: title, metadata, budget; tools and MCP servers while idle',
    path: sessionPath,
    body: sessionUpdate,
    response: sessionSchema,
  },
  'beta.sessions list': {
    ...sessions,
    ...list(sessionSchema, sessionsPaging, {
      order,
      agent_id: idSchema.optional(),
      agent_version: version,
      deployment_id: idSchema.optional(),
      memory_store_id: idSchema.optional(),
      include_archived: flag,
      statuses: z.array(z.enum(sessionStatuses)).optional(),
      ...timeBounds,
    }),
    action: 'list',
    summary: 'List sessions, newest first',
    path: '/v1/sessions',
  },
  'beta.sessions delete': {
    ...sessions,
    ...remove,
    action: 'delete',
    summary: 'Delete a session with its history and workspace',
    path: sessionPath,
    response: deletedSessionSchema,
  },
  'beta.sessions archive': {
    ...sessions,
    ...act,
    action: 'archive',
    summary: 'Archive a session: history stays, nothing more happens',
    path: `${sessionPath}/archive`,
    response: sessionSchema,
  },
  'beta.sessions.events send': {
    ...events,
    ...write,
    action: 'send',
    summary: 'Send events to a session',
    path: `${sessionPath}/events`,
    body: eventsSend,
    response: z.strictObject({ data: z.array(clientEventSchema) }),
  },
  'beta.sessions.events list': {
    ...events,
    ...list(sessionEventSchema, eventsPaging, {
      order,
      types: z.array(z.enum(eventTypes)).optional(),
      ...timeBounds,
    }),
    action: 'list',
    summary: 'List the events of a session, oldest first',
    path: `${sessionPath}/events`,
  },
  'beta.sessions.events stream': {
    ...events,
    ...read,
    action: 'stream',
    summary: 'Stream the events of a session as they happen',
    path: `${sessionPath}/events/stream`,
    query: streamQuery,
    response: streamEventSchema,
    streams: true,
  },
  'beta.sessions.threads list': {
    ...threads,
    ...list(threadSchema, eventsPaging, { statuses: z.array(z.enum(sessionStatuses)).optional() }),
    action: 'list',
    summary: 'List the threads of a session',
    path: `${sessionPath}/threads`,
  },
  'beta.sessions.threads retrieve': {
    ...threads,
    ...read,
    action: 'retrieve',
    summary: 'Get a thread',
    path: threadPath,
    response: threadSchema,
  },
  'beta.sessions.threads archive': {
    ...threads,
    ...act,
    action: 'archive',
    summary: 'Archive a child thread',
    path: `${threadPath}/archive`,
    response: threadSchema,
  },
  'beta.sessions.threads.events list': {
    ...threadEvents,
    ...list(sessionEventSchema, eventsPaging, {}),
    action: 'list',
    summary: 'List the events of a thread, oldest first',
    path: `${threadPath}/events`,
  },
  'beta.sessions.threads.events stream': {
    ...threadEvents,
    ...read,
    action: 'stream',
    summary: 'Stream the events of a thread as they happen',
    path: `${threadPath}/stream`,
    query: streamQuery,
    response: streamEventSchema,
    streams: true,
  },
  ...workRoutes,
  ...sessionResourceRoutes,
  ...egressRoutes,
  ...diagnosisRoutes,
  ...vaultRoutes,
  ...memoryRoutes,
  ...fileRoutes,
  ...skillRoutes,
  ...deploymentRoutes,
  ...adminRoutes,
  'models list': { ...models, ...modelList },
  'models retrieve': { ...models, ...modelRetrieve },
  'beta.models list': { ...betaModels, ...modelList },
  'beta.models retrieve': { ...betaModels, ...modelRetrieve },
} as const satisfies Record<string, Route>;

export type RouteKey = keyof typeof routes;
type Parsed<T> = T extends z.ZodType ? z.infer<T> : null;
/** A form comes part by part, as it arrives. */
export type BodyOf<K extends RouteKey> = (typeof routes)[K]['form'] extends infer F extends Form
  ? AsyncIterable<FormPart<F['fields']>>
  : Parsed<(typeof routes)[K]['body']>;
export type QueryOf<K extends RouteKey> = Parsed<(typeof routes)[K]['query']>;
/** One item of a list, one event of a stream, or the whole response. */
export type ResponseOf<K extends RouteKey> = Parsed<(typeof routes)[K]['response']>;
