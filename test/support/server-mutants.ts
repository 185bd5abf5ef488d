import fc from 'fast-check';
import { requestHeaders } from '../../src/protocol/beta.ts';
import type { Route } from '../../src/protocol/route.ts';
import type { RouteKey } from '../../src/protocol/routes.ts';
import { routes } from '../../src/protocol/routes.ts';
import { goodBodies, goodForms } from './good-requests.ts';
import type { Known } from './known-things.ts';
import type { FormDamage } from './random-forms.ts';
import { formDamage, formOf } from './random-forms.ts';
import type { Change, Damage } from './random-values.ts';
import { change, changed, damage, damaged, strangeWord } from './random-values.ts';

/** A request that began well: a route, a path, a query, headers and a body, each perhaps spoilt. */
export type Mutant = {
  readonly key: RouteKey;
  /** The request reaches this route, if any. */
  readonly isRouted: boolean;
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | null;
  /** The client is gone after so many bytes of the body. */
  readonly diesAfter: number | null;
};

/** What is to be spoilt of a request, before it is known what exists. */
type Plan = {
  readonly key: RouteKey;
  readonly ids: readonly StrangeId[];
  readonly query: readonly (readonly [string, string])[];
  readonly headers: Readonly<Record<string, string | null>>;
  readonly changes: readonly Change[];
  readonly damage: Damage | null;
  readonly form: FormDamage;
  readonly detour: Detour | null;
  readonly method: string | null;
  readonly death: number | null;
};

type StrangeId = {
  readonly kind: 'none' | 'word' | 'foreign' | 'prefix' | 'longer' | 'theirs';
  readonly word: string;
};
const strangeId: fc.Arbitrary<StrangeId> = fc.record({
  kind: fc.oneof(
    { weight: 12, arbitrary: fc.constant('none' as const) },
    fc.constantFrom('word', 'foreign', 'prefix', 'longer', 'theirs'),
  ),
  word: strangeWord,
});

const detours = ['slash', 'double slash', 'dots', 'upper case', 'percent', 'shorter', 'longer'] as const;
type Detour = (typeof detours)[number];

const queryNames = [
  ...['limit', 'page', 'order', 'types[]', 'statuses', 'created_at[gt]', 'include_archived', 'version'],
  ...[
    'force',
    'event_deltas[]',
    'after',
    'agent_id',
    'agent_version',
    'after_id',
    'before_id',
    'starting_at',
  ],
  ...['ending_at', 'bucket_width', 'group_by[]', 'view', 'depth', 'path_prefix', 'status', 'has_error'],
  ...['trigger_type', 'deployment_id', 'expected_content_sha256', 'beta', 'x', 'ids[]', 'scope_id', 'source'],
  ...[
    'operation',
    'session_id',
    'lifecycle',
    'memory_store_id',
    'order_by',
    '__proto__',
    'constructor',
    'limit[]',
  ],
];
const queryValues = fc.oneof(
  strangeWord,
  fc.constantFrom('1', '100', 'asc', 'true', '2026-01-01T00:00:00Z', 'page_W10', 'agent.message', 'full'),
  fc.constantFrom(
    'active',
    'manual',
    '/notes/',
    '1d',
    'model',
    'custom',
    'path',
    '2026-01-01T00:00:00+25:00',
  ),
  fc.constant('x'.repeat(4000)),
);
const query = fc.oneof(
  { weight: 8, arbitrary: fc.constant([]) },
  fc.array(fc.tuple(fc.constantFrom(...queryNames), queryValues), { maxLength: 3 }),
);

/** Null leaves a header out. */
const spoiltHeaders: Readonly<Record<string, readonly (string | null)[]>> = {
  'content-type': ['text/plain', 'application/json;x', 'a/b/c', '', null, 'multipart/form-data; boundary=x'],
  'anthropic-beta': [
    ...['', 'x', null, 'managed-agents-2026-04-01,,', 'webhooks-2026-10-07', 'agent-memory-2026-07-22'],
    ...['skills-2025-10-02', 'files-api-2025-04-14', 'managed-agents-2026-04-01,skills-2025-10-02'],
  ],
  'anthropic-version': ['', '2024-01-01', null, '2026-10-21', '2023-06-01,2023-06-01'],
  'anthropic-workspace-id': ['', 'default', 'wrkspc_01x', '\xe9', 'x'.repeat(5000)],
  'x-api-key': ['', 'sk-ant-api03-x', null, 'sk-ant-oat01-x', '\xff'],
  authorization: ['', 'Bearer', 'Bearer sk-ant-oat01-x', 'Basic YTpi', 'Bearer \xe9'],
  'last-event-id': ['', 'sevt_1', 'x'.repeat(300)],
  'x-stainless-package-version': ['', '0.86.0', '1.12', 'x', '99999999999.0.0'],
  origin: ['null', 'https://example.com'],
  accept: ['text/event-stream', ''],
  'content-encoding': ['gzip'],
  expect: ['200-ok'],
};
const headers = fc.oneof(
  { weight: 9, arbitrary: fc.constant<Plan['headers']>({}) },
  fc
    .constantFrom(...Object.entries(spoiltHeaders))
    .chain(([name, values]) => fc.constantFrom(...values).map((value) => ({ [name]: value }))),
);

/** Requests that delete or archive leave less for those that come after them. */
function weightOf(key: RouteKey): number {
  const { action } = routes[key];
  if (key in goodBodies || key in goodForms) return 12;
  return action === 'delete' || action === 'archive' ? 1 : 5;
}

const keys = Object.keys(routes) as RouteKey[];
const anyKey = fc.oneof(...keys.map((key) => ({ weight: weightOf(key), arbitrary: fc.constant(key) })));

/** Once in so many times, else null. */
function rarely<T>(times: number, arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | null> {
  return fc.oneof({ weight: times - 1, arbitrary: fc.constant(null) }, { weight: 1, arbitrary });
}

const plans: fc.Arbitrary<Plan> = fc.record({
  key: anyKey,
  ids: fc.array(strangeId, { maxLength: 3 }),
  query,
  headers,
  // More than one, and nobody looks at the second.
  changes: fc.oneof({ weight: 4, arbitrary: change.map((one) => [one]) }, fc.array(change, { maxLength: 3 })),
  damage: rarely(12, damage),
  form: formDamage,
  detour: rarely(40, fc.constantFrom(...detours)),
  method: rarely(40, fc.constantFrom('PUT', 'PATCH', 'HEAD', 'OPTIONS', 'GET', 'POST', 'DELETE', 'QUERY')),
  death: rarely(60, fc.nat(100)),
});

export type Mutants = (known: Known, theirs: Known) => Mutant;

/** `count` requests in the order of the seed, each to be completed with what exists when it is sent. */
export function mutantsOf(seed: number, count: number): readonly Mutants[] {
  return fc.sample(plans, { seed, numRuns: count }).map(
    (plan): Mutants =>
      (known, theirs) =>
        mutantOf(plan, known, theirs),
  );
}

function mutantOf(plan: Plan, known: Known, theirs: Known): Mutant {
  const route: Route = routes[plan.key];
  const { content, contentType } = bodyOf(plan, known);
  const search = new URLSearchParams();
  for (const [name, value] of plan.query) search.append(name, value.toWellFormed());
  const path = pathOf(route.path, plan.ids, { known, theirs });
  const usual = { ...requestHeaders(route), 'content-type': content && contentType, ...plan.headers };
  return {
    key: plan.key,
    isRouted: plan.method === null && plan.detour === null,
    method: plan.method ?? route.method,
    path: `${plan.detour ? led(path, plan.detour) : path}${plan.query.length ? `?${search}` : ''}`,
    headers: Object.fromEntries(
      Object.entries(usual).filter((pair): pair is [string, string] => pair[1] !== null),
    ),
    body: content,
    diesAfter: content && plan.death !== null ? Math.floor((content.length * plan.death) / 101) : null,
  };
}

type Content = { readonly content: Uint8Array | null; readonly contentType: string };

function bodyOf({ key, changes, damage: how, form }: Plan, known: Known): Content {
  const parts = goodForms[key]?.(known);
  if (parts) {
    const { body, contentType } = formOf(parts, form);
    return { content: body, contentType };
  }
  const contentType = 'application/json';
  const good = goodBodies[key]?.(known);
  // Others take no body; some get one.
  if (good === undefined && (how === null || routes[key].method === 'GET'))
    return { content: null, contentType };
  const text = JSON.stringify(changes.reduce(changed, good ?? {}));
  return { content: how ? damaged(text, how) : Buffer.from(text), contentType };
}

type Ids = { readonly known: Known; readonly theirs: Known };

/** Ids in a path: mostly those that exist, so that the request gets through the door. */
function pathOf(template: string, strange: readonly StrangeId[], { known, theirs }: Ids): string {
  let index = 0;
  return template.replace(/:(\w+)(\{\.\+\})?/g, (_, name: string) => {
    const { kind, word } = strange[index++] ?? { kind: 'none', word: '' };
    const good = known[name] ?? '';
    const ids: Record<StrangeId['kind'], string> = {
      none: good,
      word,
      foreign: Object.values(known)[word.length % Object.keys(known).length] ?? '',
      prefix: good.replace(/^[^_]*/, 'session'),
      longer: `${good}${word}`,
      theirs: theirs[name] ?? '',
    };
    // A lone surrogate has no place in a URL.
    return encodeURIComponent(ids[kind].toWellFormed()) || 'x';
  });
}

function led(path: string, detour: Detour): string {
  switch (detour) {
    case 'slash':
      return `${path}/`;
    case 'double slash':
      return path.replace(/\/(?=[^/]*$)/, '//');
    case 'dots':
      return path.replace(/\/(?=[^/]*$)/, '/../../');
    case 'upper case':
      return path.toUpperCase();
    case 'percent':
      return `${path}%zz%00%ff`;
    case 'shorter':
      return path.replace(/\/[^/]*$/, '') || '/';
    case 'longer':
      return `${path}/..%2f..%2fetc/passwd`;
  }
}
