import Sdk112 from '@anthropic-ai/sdk';
import Sdk086 from 'anthropic-sdk-0.86';
import Sdk095 from 'anthropic-sdk-0.95';
import Sdk106 from 'anthropic-sdk-0.106';
import Sdk120 from 'anthropic-sdk-0.120';
import type { ServerProcess } from './server.ts';

/** The SDKs that must work unmodified, the newest last. */
export const sdks = {
  '0.86': Sdk086,
  '0.95': Sdk095,
  '0.106': Sdk106,
  '0.120': Sdk120,
  '1.12': Sdk112,
} as const;
export type SdkVersion = keyof typeof sdks;
export const sdkVersions = Object.keys(sdks) as SdkVersion[];

/**
 * Methods, or whole resources, that no scenario calls, each with its reason. A line that no SDK needs, or whose
 * methods are called after all, fails the suite.
 */
export const notDriven: Readonly<Record<string, string>> = {
  'beta.messages': 'the Messages API, whose client Anthill is',
  'beta.organization': 'administration of an organisation',
  'beta.userProfiles': 'not part of Anthill',
  'beta.tunnels': 'not part of Anthill',
  'beta.dreams': 'not yet',
  'beta.webhooks': 'reads deliveries and sends nothing; no webhooks yet',
  'beta.environments.work': 'not yet: workers of self-hosted environments',
  'beta.sessions.events.toolRunner': 'not yet: part of such a worker',
};

/** Events that a version's streams drop, because its SDK does not know their names; its lists have them. */
export const droppedByStreams: Readonly<Record<SdkVersion, readonly string[]>> = {
  '0.86': [],
  '0.95': ['session.updated', 'session.usage'],
  '0.106': ['session.usage'],
  '0.120': ['session.usage'],
  '1.12': [],
};

type Address = Pick<ServerProcess, 'baseUrl' | 'apiKey'>;

export type WatchedClient = {
  /** Typed as the newest; a method of it may be missing in an older one. */
  readonly client: Sdk112;
  /** Every method there is, such as `beta.agents.create`: found by looking, so that none is forgotten. */
  readonly methods: ReadonlySet<string>;
  /** Those called so far. */
  readonly called: ReadonlySet<string>;
};

/** A client of this version that remembers which of its methods were called. */
export function watchedClient(version: SdkVersion, { baseUrl, apiKey }: Address): WatchedClient {
  const bare = new sdks[version]({ baseURL: baseUrl, apiKey, maxRetries: 0 });
  // What the scenarios use of an older client has the shape of the newest: test/conformance/older-types.ts.
  const client = bare as unknown as Sdk112;
  const called = new Set<string>();
  const watched = new Proxy(client, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      return isResource(value) ? watch(value, String(name), called) : value;
    },
  });
  const methods = new Set(roots.flatMap((name) => methodsOf(client[name], name)));
  return { client: watched, methods, called };
}

const roots = ['beta', 'models', 'files', 'skills'] as const;

function isResource(value: unknown): value is object {
  return typeof value === 'object' && value !== null && '_client' in value;
}

function methodsOf(resource: unknown, path: string): string[] {
  if (!isResource(resource)) return [];
  const own = Object.keys(resource).filter((name) => name !== '_client');
  const inherited = Object.getOwnPropertyNames(Object.getPrototypeOf(resource));
  return [...own, ...inherited].flatMap((name) => {
    const value: unknown = Reflect.get(resource, name);
    if (isResource(value)) return methodsOf(value, `${path}.${name}`);
    const isMethod = typeof value === 'function' && name !== 'constructor' && !name.startsWith('_');
    return isMethod ? [`${path}.${name}`] : [];
  });
}

function watch(resource: object, path: string, called: Set<string>): object {
  return new Proxy(resource, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      const inner = `${path}.${String(name)}`;
      if (isResource(value) && name !== '_client') return watch(value, inner, called);
      if (typeof value !== 'function') return value;
      return (...given: unknown[]) => {
        called.add(inner);
        return Reflect.apply(value, target, given);
      };
    },
  });
}
