import { z } from 'zod';
import { idSchema, text } from './text.ts';

/** Content blocks of messages and results. */

export const textBlockSchema = z.strictObject({ type: z.literal('text'), text: z.string() });
const spokenText = z.strictObject({ type: z.literal('text'), text: z.string().min(1) });

/** Checked at the door: a model refuses the whole conversation for one block it cannot read. */
const base64 = z.string().superRefine((data, context) => {
  if (data === '' || data.length % 4 !== 0 || !/^[A-Za-z0-9+/]+={0,2}$/.test(data)) {
    context.addIssue({ code: 'custom', message: 'must be base64' });
  }
});
const base64Of = <Type extends string>(types: readonly [Type, ...Type[]]) =>
  z.strictObject({
    type: z.literal('base64'),
    data: base64,
    media_type: z.string().superRefine((type, context) => {
      if (types.some((known) => known === type)) return;
      const message = `"${type}" is not supported; expected one of ${types.join(', ')}`;
      context.addIssue({ code: 'custom', message });
    }),
  });
const urlSource = z.strictObject({
  type: z.literal('url'),
  url: text(2048, 1).superRefine((url, context) => {
    if (!/^https?:\/\//i.test(url) || !URL.canParse(url)) {
      context.addIssue({ code: 'custom', message: 'must be an http or https URL' });
    }
  }),
});
const fileSource = z.strictObject({ type: z.literal('file'), file_id: idSchema });
const plainTextSource = z.strictObject({
  type: z.literal('text'),
  data: z.string(),
  media_type: z.literal('text/plain'),
});

export const imageBlockSchema = z.strictObject({
  type: z.literal('image'),
  source: z.discriminatedUnion('type', [
    base64Of(['image/jpeg', 'image/png', 'image/gif', 'image/webp']),
    urlSource,
    fileSource,
  ]),
});

export const documentBlockSchema = z.strictObject({
  type: z.literal('document'),
  source: z.discriminatedUnion('type', [
    base64Of(['application/pdf']),
    plainTextSource,
    urlSource,
    fileSource,
  ]),
  context: z.string().nullable().exactOptional(),
  title: z.string().nullable().exactOptional(),
});

export const searchResultBlockSchema = z.strictObject({
  type: z.literal('search_result'),
  source: z.string(),
  title: z.string(),
  content: z.array(z.strictObject({ type: z.literal('text'), text: z.string() })),
  citations: z.strictObject({ enabled: z.boolean() }),
});

export const redactedBlockSchema = z.strictObject({ type: z.literal('redacted') });

/** What a stored `user.message` may hold; `redacted` is only ever shown, never accepted. */
export const shownBlockSchema = z.discriminatedUnion('type', [
  textBlockSchema,
  imageBlockSchema,
  documentBlockSchema,
  redactedBlockSchema,
]);

/** What a client may send in a `user.message`. `redacted` is in the type so that its refusal can name it. */
export const userBlockSchema = z.discriminatedUnion('type', [
  spokenText,
  imageBlockSchema,
  documentBlockSchema,
  redactedBlockSchema.superRefine((_, context) => {
    context.addIssue({ code: 'custom', message: 'redacted blocks cannot be sent' });
  }),
]);

export const resultBlockSchema = z.discriminatedUnion('type', [
  textBlockSchema,
  imageBlockSchema,
  documentBlockSchema,
  searchResultBlockSchema,
]);

export type UserBlock = Exclude<z.infer<typeof shownBlockSchema>, { type: 'redacted' }>;
export type ResultBlock = z.infer<typeof resultBlockSchema>;
