import type { CatalogModel } from './catalog.ts';
import { microCentsPerWebSearch } from './limits.ts';
import type { ModelUsage } from './model.ts';

const microCentsPerCent = 1_000_000;

/** Inference pinned to the United States, in tenths (spec/limits.md, Price model). */
const pinnedTenths = 11;
/** The premium of fast mode is not in the specification; this is the list price of the Opus models that have it. */
const fastTimes = 6;

/**
 * List cost of one request in integer micro-cents, fractions rounded; `null` when the model has no list
 * price. `inferenceGeo` is where the agent's model is pinned to.
 */
export function listCostMicroCents(
  usage: ModelUsage,
  model: CatalogModel | null,
  inferenceGeo?: string,
): number | null {
  if (!model?.price) return null;
  const { long } = model.price;
  const promptTokens =
    usage.inputTokens +
    usage.cacheReadInputTokens +
    usage.cacheCreation5mInputTokens +
    usage.cacheCreation1hInputTokens;
  // A long prompt prices the whole request, not only what is over the line (spec/limits.md, Price model).
  const price = long && promptTokens > long.fromTokens ? long : model.price;
  const tokens =
    usage.inputTokens * price.input +
    usage.outputTokens * price.output +
    usage.cacheReadInputTokens * price.cacheRead +
    usage.cacheCreation5mInputTokens * price.cacheWrite5m +
    usage.cacheCreation1hInputTokens * price.cacheWrite1h;
  const served = usage.speed === 'fast' ? tokens * fastTimes : tokens;
  const searches = (usage.webSearches ?? 0) * microCentsPerWebSearch;
  return Math.round(inferenceGeo === 'us' ? (served * pinnedTenths) / 10 : served) + searches;
}

/** Whole cents, rounded to nearest. */
export function centsOf(microCents: number): number {
  return Math.round(microCents / microCentsPerCent);
}
