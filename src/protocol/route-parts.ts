import { z } from 'zod';
import { fileContent } from './form.ts';
import type { Paging } from './route.ts';

/** What the lines of the route table are made of. */

export const flag = z
  .enum(['true', 'false'])
  .transform((text) => text === 'true')
  .optional();
export const time = z.iso.datetime({ offset: true }).optional();

export function cursor(limitDefault: number, limitMax: number, kind: Paging['kind'] = 'cursor'): Paging {
  return { kind, limitDefault, limitMax };
}

/** `limit` and `page`, as every managed list has them. */
function window(paging: Paging) {
  return { limit: limitOf(paging), page: z.string().optional() };
}

export function limitOf({ limitMax }: Paging) {
  return z
    .string()
    .transform((text, context) => {
      const limit = /^\d{1,9}$/.test(text) ? Number(text) : 0;
      if (limit >= 1 && limit <= limitMax) return limit;
      const message = `limit must be between 1 and ${limitMax}`;
      context.addIssue({ code: 'custom', message, params: { absolute: true } });
      return z.NEVER;
    })
    .optional()
    .meta({ type: 'integer', minimum: 1, maximum: limitMax });
}

const plain = { query: null, form: null, paging: null, streams: false, downloads: false } as const;
export const write = { ...plain, method: 'POST' } as const;
export const act = { ...write, body: null } as const;
export const read = { ...plain, method: 'GET', body: null } as const;
export const download = { ...read, response: fileContent, downloads: true } as const;
export const remove = { ...plain, method: 'DELETE', body: null } as const;

export function list<Item extends z.ZodType, Query extends z.ZodRawShape>(
  item: Item,
  paging: Paging,
  query: Query,
) {
  return { ...read, query: z.strictObject({ ...window(paging), ...query }), response: item, paging };
}
