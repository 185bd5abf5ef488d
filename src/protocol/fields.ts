import { z } from 'zod';

/** One member of a request body or query, as far as a command line has to know it. */
export type Field = {
  readonly name: string;
  readonly kind: FieldKind;
  /** Kind of the items of a list. */
  readonly items: FieldKind | null;
  readonly required: boolean;
  /** May be null on the wire, which on update means: unset it. */
  readonly nullable: boolean;
  readonly choices: readonly string[];
  /** Members of a plain object, for dotted flags. */
  readonly members: readonly Field[];
};

/** `mixed`: a string or an object, such as an agent by id or by reference. `file`: part of a form. */
export type FieldKind = 'file' | 'string' | 'number' | 'boolean' | 'list' | 'object' | 'mixed';

type Json = { readonly [key: string]: unknown };

/** The members of a request schema, without those that only older clients send. */
export function fieldsOf(schema: z.ZodType): readonly Field[] {
  // Input side: what a client may send. What JSON Schema cannot say is left open.
  const json = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as Json;
  // A union of one object is written as that object.
  const [object = json] = alternatives(json);
  return membersOf(object);
}

function membersOf(schema: Json): readonly Field[] {
  const properties = isJson(schema['properties']) ? schema['properties'] : {};
  const required = Array.isArray(schema['required']) ? schema['required'] : [];
  return Object.entries(properties).flatMap(([name, property]) => {
    const known = isJson(property) ? property : {};
    return known['deprecated'] === true ? [] : [fieldOf(name, known, required.includes(name))];
  });
}

function fieldOf(name: string, property: Json, required: boolean): Field {
  const options = alternatives(property);
  const list = options.find((option) => option['type'] === 'array');
  const items = list && isJson(list['items']) ? kindOf(alternatives(list['items'])) : null;
  const [object] = options.filter((option) => option['type'] === 'object');
  const kind = kindOf(options);
  const choices = options.flatMap((option) =>
    Array.isArray(option['enum']) ? option['enum'].map(String) : [],
  );
  return {
    name,
    kind,
    items,
    required,
    nullable: everyAlternative(property).some((option) => option['type'] === 'null'),
    choices,
    members: kind === 'object' && object ? membersOf(object) : [],
  };
}

/** The members of a union, null aside. */
function alternatives(schema: Json): readonly Json[] {
  return everyAlternative(schema).filter((option) => option['type'] !== 'null');
}

function everyAlternative(schema: Json): readonly Json[] {
  const { anyOf, oneOf, type } = schema;
  if (Array.isArray(type)) return type.map((one) => ({ ...schema, type: one }));
  const union = anyOf ?? oneOf;
  return Array.isArray(union) ? union.filter(isJson).flatMap(everyAlternative) : [schema];
}

function kindOf(options: readonly Json[]): FieldKind {
  if (options.some((option) => option['format'] === 'binary')) return 'file';
  const types = new Set(options.map((option) => option['type']));
  if (types.has('string') && (types.has('object') || types.size > 1)) return 'mixed';
  if (types.has('array')) return 'list';
  if (types.has('object')) return 'object';
  if (types.has('boolean')) return 'boolean';
  return types.has('integer') || types.has('number') ? 'number' : 'string';
}

function isJson(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
