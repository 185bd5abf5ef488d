import { z } from 'zod';
import { bodyRefusal, styles } from './parse.ts';
import { invalid, Refusal } from './refusal.ts';
import type { Route } from './route.ts';

/** What a route says about its multipart form (RFC 7578). */
export type Form = {
  /** By part: `formFile` is a file, an array of them any number of `name[]` parts, everything else is text. */
  readonly fields: z.ZodObject;
  /** Of all files together; more is a 413. */
  readonly filesBytesMax: number;
  readonly partsMax: number;
};

/** A file in a form, while it arrives. */
export type FormFile = {
  /** As the client wrote it, path and all; empty if it gave none. */
  readonly filename: string;
  /** Its `content-type` with parameters, or null. */
  readonly mimeType: string | null;
  /** Read once, before the next part is asked for: what is left unread then is skipped. */
  readonly content: AsyncIterable<Uint8Array>;
};

/** A part as its schema says: a file, or a field whose text was parsed. */
export type FormPart<Fields extends z.ZodObject = z.ZodObject> = {
  [Name in keyof z.infer<Fields> & string]-?: PartOf<Name, NonNullable<z.infer<Fields>[Name]>>;
}[keyof z.infer<Fields> & string];
type PartOf<Name, Value> = Value extends FormFile | readonly FormFile[]
  ? { readonly kind: 'file'; readonly name: Name } & FormFile
  : { readonly kind: 'field'; readonly name: Name; readonly value: Value };

/** A file that is answered. The response says how many `bytes` follow, so `content` must bring as many. */
export type Download = {
  readonly mimeType: string;
  /** What the client may call it when it saves it. */
  readonly filename: string;
  readonly bytes: number;
  /** Asked for the first chunk only when the client reads; returned when it leaves. */
  readonly content: AsyncIterable<Uint8Array>;
};

const binary = { type: 'string', format: 'binary' } as const;
/** The schema of a file in a form. Its content is nothing to parse. */
export const formFile = z.custom<FormFile>().meta(binary);
/** The schema of a route that answers with a file. */
export const fileContent = z.custom<Download>().meta(binary);

/** What the schema says about a part. */
export type PartKind = {
  readonly name: string;
  /** Of one part, also where there may be several. */
  readonly schema: z.core.$ZodType;
  readonly isFile: boolean;
  readonly isList: boolean;
};

/** The part of this name on the wire; an unknown one is refused. */
export function partKind(route: Route, form: Form, wireName: string): PartKind {
  const name = wireName.endsWith('[]') ? wireName.slice(0, -2) : wireName;
  // Not any member of an object: the shape's own.
  const schema = Object.hasOwn(form.fields.shape, name) ? form.fields.shape[name] : undefined;
  const bare = schema && withoutOptional(schema);
  const isList = bare instanceof z.ZodArray;
  if (!bare || (wireName !== name && !isList)) {
    throw invalid(styles[route.messages].unknown([], wireName));
  }
  const one = isList ? bare.element : bare;
  return { name, schema: one, isFile: one === formFile, isList };
}

function withoutOptional(schema: z.core.$ZodType): z.core.$ZodType {
  return schema instanceof z.ZodOptional ? withoutOptional(schema.unwrap()) : schema;
}

/** The value of a text field. */
export function parseField(route: Route, { name, schema }: PartKind, text: string): unknown {
  const result = z.safeParse(schema, text, { reportInput: true });
  if (result.success) return result.data;
  throw bodyRefusal(
    route,
    result.error.issues.map((issue) => ({ ...issue, path: [name, ...issue.path] })),
  );
}

/** Refuses a form that has ended without a part that it must have. */
export function requireParts(route: Route, form: Form, seen: ReadonlySet<string>): void {
  for (const [name, schema] of Object.entries(form.fields.shape)) {
    if (seen.has(name) || schema instanceof z.ZodOptional) continue;
    throw invalid(styles[route.messages].missing(schema instanceof z.ZodArray ? `${name}[]` : name));
  }
}

/** Of a body that is no multipart form, or none that could be read. */
export function malformedForm(problem: string, cause?: unknown): Refusal {
  return new Refusal('invalid_request', `Failed to parse request body: ${problem}`, { cause });
}
