import { z } from 'zod';
import { timestamp, utf8Problem, utf8Text } from './text.ts';

export const memoryViews = ['basic', 'full'] as const;
export type MemoryView = (typeof memoryViews)[number];

export const memorySchema = z.strictObject({
  id: z.string(),
  type: z.literal('memory'),
  memory_store_id: z.string(),
  memory_version_id: z.string(),
  path: z.string(),
  /** Null in the view `basic`. */
  content: z.string().nullable(),
  content_sha256: z.string(),
  content_size_bytes: z.number(),
  created_at: timestamp,
  updated_at: timestamp,
});
export type Memory = z.infer<typeof memorySchema>;

const memoryPrefixSchema = z.strictObject({ type: z.literal('memory_prefix'), path: z.string() });
export const memoryListItemSchema = z.discriminatedUnion('type', [memorySchema, memoryPrefixSchema]);
export type MemoryListItem = z.infer<typeof memoryListItemSchema>;

const pathBytesMax = 1024;
const pathSegmentsMax = 20;
export const memoryContentBytesMax = 102_400;

/** Why a text is no path of a memory, or `null` (spec/memory.md, Memory). */
export function memoryPathProblem(path: string): string | null {
  if (!path.startsWith('/')) return 'must start with /';
  const problem = utf8Problem(path, pathBytesMax);
  if (problem !== null) return problem;
  const segments = path.slice(1).split('/');
  if (segments.length > pathSegmentsMax) return `must have at most ${pathSegmentsMax} segments`;
  if (segments.includes('')) return 'must not have empty segments';
  if (segments.some((segment) => segment === '.' || segment === '..')) {
    return 'must not have a segment . or ..';
  }
  if (/[\p{Cc}\p{Cf}\u2028\u2029]/u.test(path)) {
    return 'must not contain control characters, format characters or line separators';
  }
  return path === path.normalize('NFC') ? null : 'must be in Unicode Normalization Form C';
}

const memoryPath = z.string().superRefine((path, context) => {
  const problem = memoryPathProblem(path);
  if (problem !== null) context.addIssue({ code: 'custom', message: problem });
});

const content = utf8Text(memoryContentBytesMax);

const sha256 = z.string().superRefine((digest, context) => {
  if (!/^[0-9a-f]{64}$/.test(digest)) {
    context.addIssue({ code: 'custom', message: 'must be 64 lowercase hexadecimal characters' });
  }
});

const precondition = z.strictObject({
  type: z.literal('content_sha256'),
  // The SDK lets it be left out; a condition that says nothing would be taken for one that holds.
  content_sha256: sha256.optional().transform((digest, context) => {
    if (digest !== undefined) return digest;
    context.addIssue({ code: 'custom', message: 'is required' });
    return z.NEVER;
  }),
});

export const memoryCreate = z.strictObject({
  path: memoryPath,
  content: content.nullable().transform((text, context) => {
    if (text !== null) return text;
    context.addIssue({ code: 'custom', message: 'cannot be null; "" makes an empty memory' });
    return z.NEVER;
  }),
});
export type MemoryCreate = z.infer<typeof memoryCreate>;

export const memoryUpdate = z.strictObject({
  path: memoryPath.nullish(),
  content: content.nullish(),
  precondition: precondition.optional(),
});
export type MemoryUpdate = z.infer<typeof memoryUpdate>;

export const deletedMemorySchema = z.strictObject({ id: z.string(), type: z.literal('memory_deleted') });
export type DeletedMemory = z.infer<typeof deletedMemorySchema>;

export const memoryViewQuery = z.strictObject({ view: z.enum(memoryViews).optional() });
export const memoryDeleteQuery = z.strictObject({ expected_content_sha256: sha256.optional() });
/** What a list of memories is asked for besides its window. */
export const memoryListQuery = {
  path_prefix: z
    .string()
    .superRefine((prefix, context) => {
      const problem = prefixProblem(prefix);
      if (problem !== null) context.addIssue({ code: 'custom', message: problem });
    })
    .optional(),
  depth: z
    .enum(['0', '1'])
    .transform((depth) => (depth === '0' ? 0 : 1))
    .optional(),
  view: z.enum(memoryViews).optional(),
};

/** What it was asked for before memory had a beta value of its own. The one order there is could be named. */
export const olderMemoryListQuery = {
  ...memoryListQuery,
  depth: z
    .string()
    .transform((digits, context) => {
      const depth = /^\d{1,2}$/.test(digits) ? Number(digits) : pathSegmentsMax + 1;
      if (depth <= pathSegmentsMax) return depth;
      context.addIssue({ code: 'custom', message: `must be between 0 and ${pathSegmentsMax}` });
      return z.NEVER;
    })
    .optional(),
  order: z.enum(['asc']).optional(),
  order_by: z.enum(['path']).optional(),
};

function prefixProblem(prefix: string): string | null {
  if (!prefix.startsWith('/')) return 'must start with /';
  if (!prefix.endsWith('/')) return 'must end with /: it matches whole segments';
  return prefix === '/' ? null : memoryPathProblem(prefix.slice(0, -1));
}
