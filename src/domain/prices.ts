import type { CatalogModel } from './catalog.ts';
import type { ModelUsage } from './model.ts';

const microCentsPerCent = 1_000_000;

/** List cost of one request in integer micro-cents; `null` when the model has no list price. */
export function listCostMicroCents(usage: ModelUsage, model: CatalogModel | null): number | null {
  if (!model?.price) return null;
  const { long } = model.price;
  const promptTokens =
    usage.inputTokens +
    usage.cacheReadInputTokens +
    usage.cacheCreation5mInputTokens +
    usage.cacheCreation1hInputTokens;
  // A long prompt prices the whole request, not only what is over the line (spec/limits.md, Price model).
  const price = long && promptTokens > long.fromTokens ? long : model.price;
  return (
    usage.inputTokens * price.input +
    usage.outputTokens * price.output +
    usage.cacheReadInputTokens * price.cacheRead +
    usage.cacheCreation5mInputTokens * price.cacheWrite5m +
    usage.cacheCreation1hInputTokens * price.cacheWrite1h
  );
}

/** Whole cents, rounded to nearest. */
export function centsOf(microCents: number): number {
  return Math.round(microCents / microCentsPerCent);
}
