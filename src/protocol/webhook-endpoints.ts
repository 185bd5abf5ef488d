import { z } from 'zod';
import { text, timestamp } from './text.ts';

/** Webhook endpoints in the shapes of the organization API; the signing secret is only ever in two answers. */

/** What an endpoint can be told about (spec/webhooks.md, Event types). */
export const webhookEventTypes = [
  'agent.archived',
  'agent.created',
  'agent.deleted',
  'agent.updated',
  'deployment.archived',
  'deployment.created',
  'deployment.deleted',
  'deployment.paused',
  'deployment.unpaused',
  'deployment.updated',
  'deployment_run.failed',
  'deployment_run.started',
  'deployment_run.succeeded',
  'environment.archived',
  'environment.created',
  'environment.deleted',
  'environment.updated',
  'memory_store.archived',
  'memory_store.created',
  'memory_store.deleted',
  'session.archived',
  'session.budget_reached',
  'session.created',
  'session.deleted',
  'session.idled',
  'session.outcome_evaluation_ended',
  'session.pending',
  'session.requires_action',
  'session.running',
  'session.status_idled',
  'session.status_rescheduled',
  'session.status_run_started',
  'session.status_terminated',
  'session.thread_created',
  'session.thread_idled',
  'session.thread_terminated',
  'session.updated',
  'vault.archived',
  'vault.created',
  'vault.deleted',
  'vault_credential.archived',
  'vault_credential.created',
  'vault_credential.deleted',
  'vault_credential.refresh_failed',
] as const;
export type WebhookEventType = (typeof webhookEventTypes)[number];

const events = z.array(z.enum(webhookEventTypes)).max(webhookEventTypes.length);

export const webhookEndpointSchema = z.strictObject({
  id: z.string(),
  name: z.string(),
  description: z.string(),
  url: z.string(),
  enabled_events: events,
  state: z.enum(['disabled', 'enabled']),
  disabled_reason: z.string(),
  created_at: timestamp,
  updated_at: timestamp,
});
export type WebhookEndpoint = z.infer<typeof webhookEndpointSchema>;

export const signingSecretSchema = z.strictObject({ signing_secret: z.string() });
export type SigningSecret = z.infer<typeof signingSecretSchema>;

export const newWebhookEndpointSchema = z.strictObject({
  ...webhookEndpointSchema.shape,
  ...signingSecretSchema.shape,
});
export type NewWebhookEndpoint = z.infer<typeof newWebhookEndpointSchema>;

export const deletedWebhookEndpointSchema = z.strictObject({
  id: z.string(),
  type: z.literal('webhook_endpoint_deleted'),
});

const url = text(2048, 1);
const name = text(256);
const description = text(1024);

export const webhookEndpointCreate = z.strictObject({
  url,
  enabled_events: events.min(1),
  name: name.nullish(),
  description: description.nullish(),
});
export type WebhookEndpointCreate = z.infer<typeof webhookEndpointCreate>;

export const webhookEndpointUpdate = z.strictObject({
  url: url.nullish(),
  /** Replaces the whole set; an empty list leaves it as it is. */
  enabled_events: events.nullish(),
  name: name.nullish(),
  description: description.nullish(),
  state: z.enum(['disabled', 'enabled']).nullish(),
});
export type WebhookEndpointUpdate = z.infer<typeof webhookEndpointUpdate>;
