import { z } from 'zod';
import { deploymentRunSchema, triggerTypes } from './deployment-runs.ts';
import { deploymentCreate, deploymentSchema, deploymentStatuses, deploymentUpdate } from './deployments.ts';
import type { Route } from './route.ts';
import { act, cursor, flag, list, read, time, write } from './route-parts.ts';
import { idSchema } from './text.ts';

/** The lines of the route table about deployments and their runs. */

const style = { beta: 'managed-agents', messages: 'managed' } as const;

const deployments = { ...style, resource: ['beta', 'deployments'] } as const;
const runs = { ...style, resource: ['beta', 'deploymentRuns'] } as const;

const deploymentPath = '/v1/deployments/:deployment_id';

export const deploymentRoutes = {
  'beta.deployments create': {
    ...deployments,
    ...write,
    action: 'create',
    summary: 'Create a deployment: what starts sessions of an agent, by a schedule or on demand',
    path: '/v1/deployments',
    body: deploymentCreate,
    response: deploymentSchema,
  },
  'beta.deployments retrieve': {
    ...deployments,
    ...read,
    action: 'retrieve',
    summary: 'Get a deployment',
    path: deploymentPath,
    response: deploymentSchema,
  },
  'beta.deployments update': {
    ...deployments,
    ...write,
    action: 'update',
    summary: 'Update a deployment, for the sessions that it starts from now on',
    path: deploymentPath,
    body: deploymentUpdate,
    response: deploymentSchema,
  },
  'beta.deployments list': {
    ...deployments,
    ...list(deploymentSchema, cursor(20, 100), {
      agent_id: idSchema.optional(),
      status: z.enum(deploymentStatuses).optional(),
      include_archived: flag,
      'created_at[gte]': time,
      'created_at[lte]': time,
    }),
    action: 'list',
    summary: 'List deployments, newest first',
    path: '/v1/deployments',
  },
  'beta.deployments archive': {
    ...deployments,
    ...act,
    action: 'archive',
    summary: 'Archive a deployment for good: it starts no more sessions',
    path: `${deploymentPath}/archive`,
    response: deploymentSchema,
  },
  'beta.deployments pause': {
    ...deployments,
    ...act,
    action: 'pause',
    summary: 'Pause the schedule of a deployment',
    path: `${deploymentPath}/pause`,
    response: deploymentSchema,
  },
  'beta.deployments run': {
    ...deployments,
    ...act,
    action: 'run',
    summary: 'Start a session from a deployment now',
    path: `${deploymentPath}/run`,
    response: deploymentRunSchema,
  },
  'beta.deployments unpause': {
    ...deployments,
    ...act,
    action: 'unpause',
    summary: 'Let the schedule of a deployment go on with its next time',
    path: `${deploymentPath}/unpause`,
    response: deploymentSchema,
  },
  'beta.deploymentRuns retrieve': {
    ...runs,
    ...read,
    action: 'retrieve',
    summary: 'Get a run of a deployment',
    path: '/v1/deployment_runs/:deployment_run_id',
    response: deploymentRunSchema,
  },
  'beta.deploymentRuns list': {
    ...runs,
    ...list(deploymentRunSchema, cursor(20, 1000), {
      deployment_id: idSchema.optional(),
      trigger_type: z.enum(triggerTypes).optional(),
      has_error: flag,
      'created_at[gt]': time,
      'created_at[gte]': time,
      'created_at[lt]': time,
      'created_at[lte]': time,
    }),
    action: 'list',
    summary: 'List the runs of all deployments or of one, newest first',
    path: '/v1/deployment_runs',
  },
} as const satisfies Record<string, Route>;
