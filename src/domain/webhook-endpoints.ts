import { formatUs } from '../base/timestamp.ts';
import { invalid } from '../protocol/refusal.ts';
import type {
  WebhookEndpoint,
  WebhookEndpointCreate,
  WebhookEndpointUpdate,
} from '../protocol/webhook-endpoints.ts';
import type { PageQuery } from './collections.ts';
import { webhookEndpointsMax } from './limits.ts';
import type { Positioned } from './session/session-log.ts';
import type { WebhookUrlPolicy } from './webhook-urls.ts';
import { checkWebhookUrl } from './webhook-urls.ts';

/** An endpoint and its signing secret as it lies in the store: sealed. */
export type StoredEndpoint = { readonly endpoint: WebhookEndpoint; readonly sealed: string };

export interface WebhookEndpoints {
  /** `check` gets the number of endpoints there are and may refuse. */
  insert(stored: StoredEndpoint, check: (count: number) => void): Promise<void>;
  get(id: string): Promise<WebhookEndpoint | null>;
  change(id: string, rule: (current: StoredEndpoint) => StoredEndpoint): Promise<WebhookEndpoint | null>;
  page(query: PageQuery): Promise<readonly Positioned<WebhookEndpoint>[]>;
  remove(id: string): Promise<boolean>;
}

type Moment = { readonly nowUs: number; readonly policy: WebhookUrlPolicy };

export function createEndpoint(
  params: WebhookEndpointCreate,
  id: string,
  { nowUs, policy }: Moment,
): WebhookEndpoint {
  checkWebhookUrl(params.url, policy);
  const at = formatUs(nowUs);
  return {
    id,
    name: params.name ?? '',
    description: params.description ?? '',
    url: params.url,
    enabled_events: distinct(params.enabled_events),
    state: 'enabled',
    disabled_reason: '',
    created_at: at,
    updated_at: at,
  };
}

export function checkEndpointAdmission(count: number): void {
  if (count >= webhookEndpointsMax)
    throw invalid(
      `the workspace has ${webhookEndpointsMax} webhook endpoints, the most it can hold; delete one first`,
    );
}

/** Absent and null keep, as does an empty list of events. The same object when nothing changed. */
export function updateEndpoint(
  current: WebhookEndpoint,
  params: WebhookEndpointUpdate,
  { nowUs, policy }: Moment,
): WebhookEndpoint {
  const url = params.url ?? current.url;
  if (url !== current.url) checkWebhookUrl(url, policy);
  const events = params.enabled_events ?? [];
  const state = params.state ?? current.state;
  const changed: WebhookEndpoint = {
    ...current,
    name: params.name ?? current.name,
    description: params.description ?? current.description,
    url,
    enabled_events: events.length === 0 ? current.enabled_events : distinct(events),
    state,
    // The reason was the server's; who sets the state has one of their own.
    disabled_reason: params.state == null ? current.disabled_reason : '',
  };
  if (JSON.stringify(changed) === JSON.stringify(current)) return current;
  return { ...changed, updated_at: formatUs(nowUs) };
}

function distinct<T>(items: readonly T[]): T[] {
  return [...new Set(items)];
}
