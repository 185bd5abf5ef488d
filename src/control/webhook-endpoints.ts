import type { Clock } from '../base/clock.ts';
import type { NewId } from '../base/ids.ts';
import { newSigningSecret } from '../base/secrets.ts';
import type { Seal } from '../domain/sealing.ts';
import type { WebhookEndpoints } from '../domain/webhook-endpoints.ts';
import { checkEndpointAdmission, createEndpoint, updateEndpoint } from '../domain/webhook-endpoints.ts';
import type { WebhookUrlPolicy } from '../domain/webhook-urls.ts';
import { Refusal } from '../protocol/refusal.ts';
import type {
  NewWebhookEndpoint,
  SigningSecret,
  WebhookEndpoint,
  WebhookEndpointCreate,
  WebhookEndpointUpdate,
} from '../protocol/webhook-endpoints.ts';
import type { IdPage, IdWindow } from './page-by-ids.ts';
import { pageByIds, positionOf } from './page-by-ids.ts';

export type WebhookEndpointDeps = {
  readonly webhookEndpoints: WebhookEndpoints;
  readonly policy: WebhookUrlPolicy;
  readonly seal: Seal;
  readonly clock: Clock;
  readonly newId: NewId;
};

export type WebhookEndpointCommands = {
  create(body: WebhookEndpointCreate): Promise<NewWebhookEndpoint>;
  retrieve(id: string): Promise<WebhookEndpoint>;
  update(id: string, body: WebhookEndpointUpdate): Promise<WebhookEndpoint>;
  list(query: IdWindow): Promise<IdPage<WebhookEndpoint>>;
  delete(id: string): Promise<{ id: string; type: 'webhook_endpoint_deleted' }>;
  /** The old secret is void at once. */
  regenerateSigningSecret(id: string): Promise<SigningSecret>;
};

/** Where a workspace wants to be told of events. Secrets are made up and sealed here, and answered once. */
export function createWebhookEndpointCommands(deps: WebhookEndpointDeps): WebhookEndpointCommands {
  const { webhookEndpoints, policy, seal, clock, newId } = deps;

  function sealedSecret(id: string): { signing_secret: string; sealed: string } {
    const secret = newSigningSecret();
    return {
      signing_secret: secret,
      sealed: seal(secret, { webhookEndpointId: id, field: 'signing_secret' }),
    };
  }

  return {
    async create(body) {
      const endpoint = createEndpoint(body, newId('whep'), { nowUs: clock.nowUs(), policy });
      const { signing_secret, sealed } = sealedSecret(endpoint.id);
      await webhookEndpoints.insert({ endpoint, sealed }, checkEndpointAdmission);
      return { ...endpoint, signing_secret };
    },
    async retrieve(id) {
      return found(await webhookEndpoints.get(id), id);
    },
    async update(id, body) {
      const moment = { nowUs: clock.nowUs(), policy };
      const changed = await webhookEndpoints.change(id, (current) => {
        const endpoint = updateEndpoint(current.endpoint, body, moment);
        return endpoint === current.endpoint ? current : { ...current, endpoint };
      });
      return found(changed, id);
    },
    list: (query) =>
      pageByIds(query, {
        position: async (id) => positionOf(await webhookEndpoints.get(id)),
        fetch: (window) => webhookEndpoints.page(window),
      }),
    async delete(id) {
      if (!(await webhookEndpoints.remove(id))) throw absent(id);
      return { id, type: 'webhook_endpoint_deleted' };
    },
    async regenerateSigningSecret(id) {
      const { signing_secret, sealed } = sealedSecret(id);
      found(await webhookEndpoints.change(id, ({ endpoint }) => ({ endpoint, sealed })), id);
      return { signing_secret };
    },
  };
}

function found(endpoint: WebhookEndpoint | null, id: string): WebhookEndpoint {
  if (!endpoint) throw absent(id);
  return endpoint;
}

function absent(id: string): Refusal {
  return new Refusal('not_found', `Webhook endpoint not found: ${id}`);
}
