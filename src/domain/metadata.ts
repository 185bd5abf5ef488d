import { invalid } from '../protocol/refusal.ts';
import { metadataProblem } from '../protocol/text.ts';

type Bag = Readonly<Record<string, string>>;
export type MetadataPatch = Readonly<Record<string, string | null>> | null | undefined;

/**
 * A merge patch over metadata: a string sets, null deletes, absent keys stay (spec/README.md, Metadata).
 * The limit of 16 pairs applies to the merged bag. Returns the same object when nothing changed.
 */
export function mergeMetadata(
  current: Bag,
  patch: MetadataPatch,
  options: { emptyDeletes?: boolean } = {},
): Bag {
  if (!patch) return current;
  const merged: Record<string, string> = { ...current };
  for (const [key, value] of Object.entries(patch)) {
    if (value === null || (options.emptyDeletes && value === '')) delete merged[key];
    else merged[key] = value;
  }
  const problem = metadataProblem(merged);
  if (problem !== null) throw invalid(problem, 'invalid_metadata');
  return sameBag(current, merged) ? current : merged;
}

function sameBag(a: Bag, b: Bag): boolean {
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key]);
}
