import { z } from 'zod';

/** Lengths on the wire count Unicode code points (spec/limits.md), not UTF-16 units. */
export function codePoints(text: string): number {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}

/** A string of `min` to `max` code points. */
export function text(max: number, min = 0) {
  return z.string().superRefine((value, context) => {
    // UTF-16 length bounds the code points from above, so most strings need no counting.
    if (value.length > max && codePoints(value) > max) {
      context.addIssue({ code: 'too_big', origin: 'string', maximum: max, inclusive: true, input: value });
    }
    if (value.length < min) {
      context.addIssue({ code: 'too_small', origin: 'string', minimum: min, inclusive: true, input: value });
    }
  });
}

const utf8 = new TextEncoder();

/** A string that holds no half of a character and at most `max` bytes as UTF-8. */
export function utf8Text(max: number) {
  return z.string().superRefine((value, context) => {
    const problem = utf8Problem(value, max);
    if (problem !== null) context.addIssue({ code: 'custom', message: problem, input: value });
  });
}

/** What keeps a text from being at most `max` bytes of UTF-8, or `null`. */
export function utf8Problem(value: string, max: number): string | null {
  // A UTF-16 unit is at least one byte, so what is far too long need not be encoded.
  if (value.length > max || utf8Bytes(value) > max) return `must be at most ${max} bytes`;
  return value.isWellFormed() ? null : 'must be valid Unicode';
}

export function utf8Bytes(value: string): number {
  return utf8.encode(value).length;
}

export const idSchema = text(128, 1);
export const timestamp = z.string();

const metadataPairsMax = 16;
const metadataKeyMax = 64;
const metadataValueMax = 512;

/** Metadata as stored and as sent on create. The limit of pairs on an update applies to the merged bag. */
export const metadataSchema = z.record(z.string(), z.string());
export const metadataCreate = checkedMetadata(z.record(z.string(), z.string()));
export const metadataPatch = checkedMetadata(z.record(z.string(), z.string().nullable()), false);

function checkedMetadata<T extends z.ZodType<Record<string, string | null>>>(schema: T, countPairs = true) {
  return schema.superRefine((bag, context) => {
    const problem = metadataProblem(bag, countPairs);
    if (problem !== null) {
      context.addIssue({
        code: 'custom',
        message: problem,
        params: { errorCode: 'invalid_metadata' },
        input: bag,
      });
    }
  });
}

/** What is wrong with a metadata bag, or `null` (spec/README.md, Metadata). */
export function metadataProblem(
  bag: Readonly<Record<string, string | null>>,
  countPairs = true,
): string | null {
  const entries = Object.entries(bag);
  if (countPairs && entries.length > metadataPairsMax) {
    return `metadata: must have at most ${metadataPairsMax} pairs`;
  }
  for (const [key, value] of entries) {
    if (key === '' || codePoints(key) > metadataKeyMax) {
      return `metadata: keys must be between 1 and ${metadataKeyMax} characters`;
    }
    if (value !== null && codePoints(value) > metadataValueMax) {
      return `metadata.${key}: must be at most ${metadataValueMax} characters`;
    }
  }
  return null;
}
