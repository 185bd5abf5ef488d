export type Effort = 'low' | 'medium' | 'high' | 'xhigh' | 'max';

/** List price in micro-cents per token ($1 per million tokens is 100 micro-cents per token). */
export type Price = {
  readonly input: number;
  readonly output: number;
  readonly cacheRead: number;
  readonly cacheWrite5m: number;
  readonly cacheWrite1h: number;
};

/** One model an agent may name. The catalogue is configuration; an id outside it is refused at save. */
export type CatalogModel = {
  readonly id: string;
  readonly displayName: string;
  readonly line: 'haiku' | 'sonnet' | 'opus' | 'fable' | 'mythos' | null;
  readonly createdAt: string;
  readonly efforts: readonly Effort[];
  readonly effortDefault: Effort;
  readonly fast: boolean;
  readonly inferenceGeo: boolean;
  /** Takes messages of the role `system` between the others. */
  readonly midConversationSystem: boolean;
  readonly contextTokensMax: number;
  readonly outputTokensMax: number;
  /** `null`: no list price, so no budget can measure it. `long` applies to whole requests over `longFromTokens`. */
  readonly price: (Price & { readonly long?: Price & { readonly fromTokens: number } }) | null;
};

/** What configuration says of a model: a new one, or a change to one that is known. */
export type ModelSettings = { readonly id: string } & Partial<
  Pick<
    CatalogModel,
    'displayName' | 'contextTokensMax' | 'outputTokensMax' | 'midConversationSystem' | 'price'
  >
>;

export interface ModelCatalog {
  get(id: string): CatalogModel | null;
  list(): readonly CatalogModel[];
}
