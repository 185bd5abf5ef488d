import { invalid } from '../protocol/refusal.ts';
import { isAddress, isPublicAddress } from './addresses.ts';

/** `public` is the rule; `any` is for development: http, any port, addresses of this machine and its networks. */
export type WebhookUrlPolicy = 'public' | 'any';

/**
 * Refuses a URL that deliveries must not go to (spec/webhooks.md, Endpoint object), as far as it can be told by
 * looking at it. Where its name leads is only known when somebody connects, and must be checked there as well.
 */
export function checkWebhookUrl(text: string, policy: WebhookUrlPolicy): void {
  const problem = urlProblem(text, policy);
  if (problem !== null) throw invalid(`url: ${problem}`);
}

function urlProblem(text: string, policy: WebhookUrlPolicy): string | null {
  if (!URL.canParse(text)) return 'must be a URL';
  const { protocol, port, hostname, username, password, hash } = new URL(text);
  if (username !== '' || password !== '') return 'must not contain a user name or password';
  if (hash !== '') return 'must not have a fragment';
  if (policy === 'any') return protocol === 'https:' || protocol === 'http:' ? null : 'must be http or https';
  if (protocol !== 'https:') return 'must begin with https://';
  if (port !== '') return 'must be on port 443';
  return isPublicHost(hostname) ? null : `"${hostname}" is not a public host`;
}

const privateNames = [
  'localhost',
  'local',
  'internal',
  'localdomain',
  'invalid',
  'test',
  'home.arpa',
  'onion',
];

/** Of a host as `URL` spells it: addresses in their one canonical form, names in lower case. */
function isPublicHost(host: string): boolean {
  const address = host.startsWith('[') ? host.slice(1, -1) : host;
  if (isAddress(address)) return isPublicAddress(address);
  const name = host.replace(/\.$/, '');
  return name.includes('.') && !privateNames.some((last) => name === last || name.endsWith(`.${last}`));
}
