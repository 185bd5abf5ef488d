import { invalid, Refusal } from './refusal.ts';
import type { Route } from './route.ts';

export const managedAgentsBeta = 'managed-agents-2026-04-01';
/** Of clients from before files were generally available. */
export const filesBeta = 'files-api-2025-04-14';
/** Of clients from before skills were. */
export const skillsBeta = 'skills-2025-10-02';
const agentMemory = 'agent-memory-2026-07-22';
const webhooks = 'webhooks-2026-10-07';
const betaValues = { 'managed-agents': managedAgentsBeta, 'agent-memory': agentMemory, webhooks } as const;
const apiVersion = '2023-06-01';
/** The SDK of this API generation sends the newer one; both name the same behaviour here. */
const apiVersions: readonly string[] = [apiVersion, '2026-10-21'];

/** Every beta value that clients of this API, old and new, may send; most concern other endpoints. */
const known: ReadonlySet<string> = new Set([
  managedAgentsBeta,
  agentMemory,
  webhooks,
  'admin-user-sign-out-2026-10-08',
  'advisor-tool-2026-03-01',
  'analytics-usage-cost-2026-08-24',
  'cache-diagnosis-2026-04-07',
  'ce-claude-code-managed-settings-2026-10-06',
  'ce-plugins-2026-09-01',
  'ce-user-management-2026-07-13',
  'code-execution-2025-05-22',
  'compact-2026-01-12',
  'compact-2026-09-04',
  'computer-use-2024-10-22',
  'computer-use-2025-01-24',
  'computer-use-2025-11-24',
  'context-1m-2025-08-07',
  'context-management-2025-06-27',
  'dev-full-thinking-2025-05-14',
  'dreaming-2026-04-21',
  'experimental-claude-tag-2026-10-21',
  'extended-cache-ttl-2025-04-11',
  'fallback-credit-2026-06-01',
  'fallback-credit-2026-07-01',
  'fast-mode-2026-02-01',
  filesBeta,
  'inline-tools-2026-09-15',
  'interleaved-thinking-2025-05-14',
  'mcp-client-2025-04-04',
  'mcp-client-2025-11-20',
  'mcp-client-2026-09-15',
  'mcp-tunnels-2026-06-22',
  'message-batches-2024-09-24',
  'message-threads-2026-08-12',
  'mid-conversation-output-config-2026-07-01',
  'mid-conversation-system-clear-at-2026-08-21',
  'mid-conversation-tool-changes-2026-07-01',
  'model-context-window-exceeded-2025-08-26',
  'oauth-2025-04-20',
  'oidc-federation-2026-04-01',
  'output-128k-2025-02-19',
  'output-300k-2026-03-24',
  'pdfs-2024-09-25',
  'prompt-caching-2024-07-31',
  'server-side-fallback-2026-06-01',
  'server-side-fallback-2026-07-01',
  skillsBeta,
  'spend-limit-reads-2026-09-26',
  'structured-outputs-2025-11-13',
  'structured-outputs-2025-12-15',
  'task-budgets-2026-03-13',
  'telemetry-destinations-2026-08-11',
  'thinking-binding-controls-2026-08-01',
  'thinking-display-updates-2026-08-18',
  'thinking-token-count-2026-05-13',
  'token-counting-2024-11-01',
  'token-efficient-tools-2025-02-19',
  'user-profiles-2026-03-24',
  'user-profiles-2026-08-18',
  'user-profiles-2026-09-04',
  'user-profiles-billing-2026-10-01',
]);

/** `anthropic-version` must be present and one there is. */
export function checkVersion(header: string | null): void {
  if (header === null || header === '') throw invalid('anthropic-version: header is required');
  if (!apiVersions.includes(header)) throw invalid(`anthropic-version: "${header}" is not a valid version`);
}

/**
 * Without its beta value an endpoint behaves as if it did not exist (spec/README.md, Beta values).
 * `header` is the comma-joined value of all `anthropic-beta` headers. Returns the values.
 */
export function checkBeta(route: Route, header: string | null): readonly string[] {
  const values = (header ?? '')
    .split(',')
    .map((value) => value.trim())
    .filter((value) => value !== '');
  const unknown = values.find((value) => !known.has(value));
  if (unknown !== undefined) {
    throw invalid(`Unexpected value(s) \`${unknown}\` for the \`anthropic-beta\` header.`);
  }
  if (!unlocks(route, values)) throw new Refusal('not_found', 'Not found');
  return values;
}

/** Whether the client is from before its endpoint had a beta value of its own, or from when it still had one. */
export function isOlderClient({ beta, olderBeta }: Route, betas: readonly string[]): boolean {
  if (olderBeta !== undefined) return betas.includes(olderBeta);
  return beta === 'agent-memory' && !betas.includes(agentMemory);
}

function unlocks({ beta }: Route, values: readonly string[]): boolean {
  const managed = values.includes(managedAgentsBeta);
  if (beta === null) return true;
  if (beta === 'managed-agents') return managed;
  if (beta === 'webhooks') return values.includes(webhooks);
  // Memory moved to a value of its own; older clients still send the general one, alone.
  const memory = values.includes(agentMemory);
  if (memory && managed) {
    throw invalid(
      `anthropic-beta: \`${agentMemory}\` and \`${managedAgentsBeta}\` cannot be sent together; send \`${agentMemory}\` alone`,
    );
  }
  return memory || managed;
}

/** What a client sends to reach a route. */
export function requestHeaders(route: Route): Record<string, string> {
  const beta: Record<string, string> =
    route.beta === null ? {} : { 'anthropic-beta': betaValues[route.beta] };
  return { 'anthropic-version': apiVersion, ...beta };
}
