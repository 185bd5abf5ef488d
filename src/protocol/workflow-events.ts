import { z } from 'zod';
import { timestamp } from './text.ts';

/** Events of workflow runs: part of the wire; no server feature emits them yet. */

const stamped = { id: z.string(), processed_at: timestamp };
const ofRun = { ...stamped, workflow_run_id: z.string() };
const said = { message: z.string() };

const runError = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('timeout_error'), ...said }),
  z.strictObject({ type: z.literal('program_error'), ...said }),
  z.strictObject({ type: z.literal('unknown_error'), ...said }),
  z.strictObject({ type: z.literal('thread_limit_error'), ...said }),
  z.strictObject({ type: z.literal('max_workflow_runs_error'), ...said }),
]);

const phase = z.strictObject({ id: z.string(), name: z.string(), description: z.string().nullable() });

export const workflowEvents = [
  z.strictObject({
    type: z.literal('workflow_run.created'),
    ...ofRun,
    name: z.string(),
    description: z.string().nullable(),
    phases: z.array(phase),
  }),
  z.strictObject({ type: z.literal('workflow_run.status_running'), ...ofRun }),
  z.strictObject({ type: z.literal('workflow_run.status_idle'), ...ofRun }),
  z.strictObject({
    type: z.literal('workflow_run.status_ended'),
    ...ofRun,
    result: z.discriminatedUnion('type', [
      z.strictObject({ type: z.literal('completed') }),
      z.strictObject({ type: z.literal('stopped') }),
      z.strictObject({ type: z.literal('error'), error: runError }),
    ]),
  }),
  z.strictObject({
    type: z.literal('workflow_run.error'),
    ...stamped,
    workflow_run_id: z.string().nullable(),
    error: runError,
  }),
  z.strictObject({
    type: z.literal('workflow_run.phase_started'),
    ...ofRun,
    workflow_run_phase_id: z.string(),
  }),
  z.strictObject({
    type: z.literal('workflow_run.phase_ended'),
    ...ofRun,
    workflow_run_phase_id: z.string(),
    phase_started_id: z.string(),
  }),
] as const;
