import type Anthropic from '@anthropic-ai/sdk';
import type { Session } from './server-sessions.ts';
import { message } from './server-sessions.ts';

export type DeploymentParams = Parameters<Anthropic['beta']['deployments']['create']>[0];
export type Deployment = Awaited<ReturnType<Anthropic['beta']['deployments']['retrieve']>>;
export type Run = Awaited<ReturnType<Anthropic['beta']['deployments']['run']>>;

export const nineOClock = { type: 'cron' as const, expression: '0 9 * * 1-5', timezone: 'Europe/Berlin' };

/** The agent and the environment of a session, set to work on weekdays. */
export function everyMorning(
  { agent, environment_id }: Pick<Session, 'agent' | 'environment_id'>,
  changes: Partial<DeploymentParams> = {},
): DeploymentParams {
  return {
    name: 'Morning round',
    agent: agent.id,
    environment_id,
    initial_events: [message('hello')],
    schedule: nineOClock,
    ...changes,
  };
}
