/**
 * An immutable list that grows at its end in constant time and shares everything before it.
 * For folds over long logs: `append` never copies.
 */
export type Chain<T> = { readonly length: number; readonly tip: Link<T> | null };
type Link<T> = { readonly item: T; readonly before: Link<T> | null };

export const emptyChain: Chain<never> = { length: 0, tip: null };

export function append<T>(chain: Chain<T>, item: T): Chain<T> {
  return { length: chain.length + 1, tip: { item, before: chain.tip } };
}

export function chainToArray<T>(chain: Chain<T>): T[] {
  const items = new Array<T>(chain.length);
  let link = chain.tip;
  for (let i = chain.length - 1; link !== null; i--) {
    items[i] = link.item;
    link = link.before;
  }
  return items;
}
