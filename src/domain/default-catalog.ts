import type { CatalogModel, Effort, ModelCatalog, ModelSettings, Price } from './catalog.ts';

/** The models an agent may name without configuration, with the list prices of spec/limits.md. */

const allEfforts: readonly Effort[] = ['low', 'medium', 'high', 'xhigh', 'max'];

/** Dollars per million tokens to micro-cents per token, down to a tenth: sums are rounded, prices are not. Cache figures default to 1.25, 2 and 0.1 times input. */
export function price(
  input: number,
  output: number,
  cache: { read?: number; write5m?: number; write1h?: number } = {},
): Price {
  const microCents = (dollars: number) => Math.round(dollars * 1000) / 10;
  return {
    input: microCents(input),
    output: microCents(output),
    cacheRead: microCents(cache.read ?? input * 0.1),
    cacheWrite5m: microCents(cache.write5m ?? input * 1.25),
    cacheWrite1h: microCents(cache.write1h ?? input * 2),
  };
}

type Line = NonNullable<CatalogModel['line']>;

/** spec/events.md, What a client may send. */
const takesSystemMessages = /^claude-(fable-5|mythos-5|opus-(4-8|5)|(sonnet|haiku)-5-5)/;

function model(
  id: string,
  displayName: string,
  line: Line,
  own: { effortDefault?: Effort; fast?: boolean; price: CatalogModel['price']; createdAt: string },
): CatalogModel {
  return {
    id,
    displayName,
    line,
    createdAt: own.createdAt,
    efforts: allEfforts,
    effortDefault: own.effortDefault ?? 'high',
    fast: own.fast ?? line === 'opus',
    inferenceGeo: true,
    midConversationSystem: takesSystemMessages.test(id),
    contextTokensMax: 200_000,
    outputTokensMax: 64_000,
    price: own.price,
  };
}

const haiku55 = { ...price(0.1, 0.5), long: { ...price(0.5, 2.5), fromTokens: 100_000 } };
const opus5 = price(5, 25);
const sonnet4 = price(3, 15);

const claudeModels: readonly CatalogModel[] = [
  model('claude-fable-5-2', 'Claude Fable 5.2', 'fable', {
    price: price(8, 40, { read: 0.2, write5m: 10 }),
    createdAt: '2026-10-01T00:00:00Z',
  }),
  model('claude-opus-5-5', 'Claude Opus 5.5', 'opus', {
    effortDefault: 'medium',
    price: price(4, 20, { read: 0.2 }),
    createdAt: '2026-09-15T00:00:00Z',
  }),
  model('claude-sonnet-5-5', 'Claude Sonnet 5.5', 'sonnet', {
    price: price(2, 10, { read: 0.1 }),
    createdAt: '2026-09-15T00:00:00Z',
  }),
  model('claude-haiku-5-5', 'Claude Haiku 5.5', 'haiku', {
    effortDefault: 'medium',
    price: haiku55,
    createdAt: '2026-09-15T00:00:00Z',
  }),
  model('claude-fable-5-1', 'Claude Fable 5.1', 'fable', {
    price: price(10, 50),
    createdAt: '2026-07-01T00:00:00Z',
  }),
  model('claude-sonnet-5', 'Claude Sonnet 5', 'sonnet', {
    price: price(2, 10),
    createdAt: '2026-05-01T00:00:00Z',
  }),
  model('claude-fable-5', 'Claude Fable 5', 'fable', {
    price: price(10, 50),
    createdAt: '2026-05-01T00:00:00Z',
  }),
  model('claude-opus-5', 'Claude Opus 5', 'opus', { price: opus5, createdAt: '2026-05-01T00:00:00Z' }),
  model('claude-opus-4-8', 'Claude Opus 4.8', 'opus', { price: opus5, createdAt: '2026-03-01T00:00:00Z' }),
  model('claude-opus-4-7', 'Claude Opus 4.7', 'opus', { price: opus5, createdAt: '2026-02-01T00:00:00Z' }),
  model('claude-opus-4-6', 'Claude Opus 4.6', 'opus', { price: opus5, createdAt: '2026-02-01T00:00:00Z' }),
  model('claude-sonnet-4-6', 'Claude Sonnet 4.6', 'sonnet', {
    price: sonnet4,
    createdAt: '2026-02-01T00:00:00Z',
  }),
  model('claude-opus-4-5', 'Claude Opus 4.5', 'opus', { price: opus5, createdAt: '2025-11-01T00:00:00Z' }),
  model('claude-opus-4-5-20251101', 'Claude Opus 4.5', 'opus', {
    price: opus5,
    createdAt: '2025-11-01T00:00:00Z',
  }),
  model('claude-haiku-4-5', 'Claude Haiku 4.5', 'haiku', {
    price: price(1, 5),
    createdAt: '2025-10-01T00:00:00Z',
  }),
  model('claude-haiku-4-5-20251001', 'Claude Haiku 4.5', 'haiku', {
    price: price(1, 5),
    createdAt: '2025-10-01T00:00:00Z',
  }),
  model('claude-sonnet-4-5', 'Claude Sonnet 4.5', 'sonnet', {
    price: sonnet4,
    createdAt: '2025-09-29T00:00:00Z',
  }),
  model('claude-sonnet-4-5-20250929', 'Claude Sonnet 4.5', 'sonnet', {
    price: sonnet4,
    createdAt: '2025-09-29T00:00:00Z',
  }),
];

/** Scripted models cost nothing, which is a price: budgets work with them. */
function scripted(id: string): CatalogModel {
  return { ...unpriced(id), displayName: `Scripted model ${id}`, price: price(0, 0) };
}

/**
 * A model that configuration names: its provider knows what it can do, nobody told us its price. Where its
 * endpoint knows no system messages in a conversation, they are told to the model as the user's words.
 */
function unpriced(id: string): CatalogModel {
  return {
    id,
    displayName: id,
    line: null,
    createdAt: '1970-01-01T00:00:00Z',
    efforts: allEfforts,
    effortDefault: 'high',
    fast: false,
    inferenceGeo: false,
    midConversationSystem: true,
    contextTokensMax: 200_000,
    outputTokensMax: 32_000,
    price: null,
  };
}

const scriptedId = /^scripted\/[A-Za-z0-9_-]{1,64}$/;

/** The catalogue: the models above, `scripted/<name>`, and what configuration adds to it or changes in it. */
export function createCatalog(configured: readonly ModelSettings[]): ModelCatalog {
  const known = new Map([...claudeModels, scripted('scripted/demo')].map((entry) => [entry.id, entry]));
  for (const settings of configured) {
    known.set(settings.id, { ...(known.get(settings.id) ?? unpriced(settings.id)), ...settings });
  }
  return {
    get: (id) => known.get(id) ?? (scriptedId.test(id) ? scripted(id) : null),
    list: () => [...known.values()],
  };
}
