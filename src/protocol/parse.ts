import type { z } from 'zod';
import { invalid, Refusal } from './refusal.ts';
import type { Route } from './route.ts';

/**
 * Parses the wire once, at the door, with the wording of spec/README.md, "Message style by resource".
 * One problem is reported per request: unknown fields first, then in the order of the schema.
 */
export function parseBody(route: Route, json: unknown): unknown {
  if (route.body === null) return null;
  const result = route.body.safeParse(json, { reportInput: true });
  if (result.success) return result.data;
  throw bodyRefusal(route, flatten(result.error.issues));
}

type Issue = z.core.$ZodIssue;
type Path = readonly PropertyKey[];

/** The refusal of what does not fit a schema, about the first problem. */
export function bodyRefusal(route: Route, issues: readonly Issue[]): Refusal {
  const unknown = issues.filter((issue) => issue.code === 'unrecognized_keys');
  const style = styles[route.messages];
  const [firstUnknown] = unknown
    .flatMap((issue) =>
      issue.code === 'unrecognized_keys' ? issue.keys.map((key) => ({ path: issue.path, key })) : [],
    )
    .sort((a, b) => (a.key < b.key ? -1 : 1));
  if (firstUnknown) return invalid(style.unknown(firstUnknown.path, firstUnknown.key));
  const [issue] = issues;
  if (!issue) return invalid('Failed to parse request body');
  const errorCode = issue.code === 'custom' ? issue.params?.['errorCode'] : undefined;
  const message = messageOf(issue, style);
  return typeof errorCode === 'string' ? invalid(message, errorCode) : invalid(message);
}

/** Unions say which member came closest instead of listing every member's complaints. */
function flatten(issues: readonly Issue[], prefix: Path = []): Issue[] {
  return issues.flatMap((issue) => {
    const path = [...prefix, ...issue.path];
    if (issue.code !== 'invalid_union' || issue.errors.length === 0) return [{ ...issue, path }];
    return flatten(closest(issue.errors), path);
  });
}

/** The member whose complaints are about what the value holds, else one that takes this kind of value. */
function closest(errors: readonly (readonly Issue[])[]): readonly Issue[] {
  const fitting = errors.find((member) => member.every((issue) => !isWrongKind(issue)));
  const choosing = errors.find((member) => member.some((issue) => issue.code === 'invalid_value'));
  return fitting ?? choosing ?? errors.at(-1) ?? [];
}

function isWrongKind(issue: Issue): boolean {
  return issue.path.length === 0 && (issue.code === 'invalid_type' || issue.code === 'invalid_value');
}

type Style = {
  readonly path: (path: Path) => string;
  readonly unknown: (path: Path, key: string) => string;
  readonly missing: (path: string) => string;
  readonly enumPrefix: string;
};

export const styles: Record<Route['messages'], Style> = {
  managed: {
    path: (path) =>
      path.reduce<string>((text, part) => {
        if (typeof part === 'number') return `${text}[${part}]`;
        return text === '' ? String(part) : `${text}.${String(part)}`;
      }, ''),
    unknown: (_path, key) => `Failed to parse request body: unknown field "${key}"`,
    missing: (path) => `${path} is required`,
    enumPrefix: 'Failed to parse request: ',
  },
  environments: {
    path: (path) => path.map(String).join('.'),
    unknown: (path, key) => `${[...path.map(String), key].join('.')}: Extra inputs are not permitted`,
    missing: (path) => `${path}: Field required`,
    enumPrefix: '',
  },
};

function messageOf(issue: Issue, style: Style): string {
  const path = style.path(issue.path);
  const at = path === '' ? '' : `${path}: `;
  switch (issue.code) {
    case 'invalid_type':
      if (issue.input === undefined && path !== '') return style.missing(path);
      return `${style.enumPrefix}${path === '' ? 'body: ' : at}expected ${issue.expected}, received ${kindOf(issue.input)}`;
    case 'invalid_value':
      if (issue.input === undefined) return style.missing(path);
      return `${style.enumPrefix}${at}${notValid(issue.input)}; expected one of ${issue.values.map(String).join(', ')}`;
    case 'invalid_union':
      return discriminatorMessage(issue, style);
    case 'too_big':
      return `${at}${bound(issue.origin, 'most', Number(issue.maximum))}`;
    case 'too_small':
      return `${at}${bound(issue.origin, 'least', Number(issue.minimum))}`;
    case 'custom':
      return issue.params?.['absolute'] === true || issue.message.startsWith('metadata')
        ? issue.message
        : `${at}${issue.message}`;
    default:
      return `${at}${issue.message}`;
  }
}

/** A tagged union whose tag is missing or unknown. */
function discriminatorMessage(issue: z.core.$ZodIssueInvalidUnion, style: Style): string {
  const path = style.path(issue.path);
  // reportInput leaves the whole object here; its tag is what is wrong.
  const tag = issue.path.at(-1);
  const input = issue.input;
  const value =
    typeof input === 'object' && input !== null && tag !== undefined ? Reflect.get(input, tag) : undefined;
  if (value === undefined) return style.missing(path);
  const options = 'options' in issue && Array.isArray(issue.options) ? issue.options : [];
  const expected = options.length > 0 ? `; expected one of ${options.map(String).join(', ')}` : '';
  return `${style.enumPrefix}${path}: ${notValid(value)}${expected}`;
}

function notValid(value: unknown): string {
  return `${JSON.stringify(value)?.slice(0, 200) ?? 'null'} is not a valid value`;
}

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'array' : typeof value;
}

function bound(origin: string, side: 'most' | 'least', limit: number): string {
  const plural = limit === 1 ? '' : 's';
  if (origin === 'string') return `must be at ${side} ${limit} character${plural}`;
  if (origin === 'array') return `must contain at ${side} ${limit} item${plural}`;
  return `must be at ${side} ${limit}`;
}

/** Parses a query string: `name[]` or repeated `name` for arrays, `created_at[gte]` as it stands. */
export function parseQuery(route: Route, params: URLSearchParams, isOlder: boolean): unknown {
  const query = isOlder && route.olderQuery ? route.olderQuery : route.query;
  const shape = query?.shape ?? {};
  const values: Record<string, string | string[]> = {};
  for (const key of new Set(params.keys())) {
    if (key === 'beta') continue;
    const name = key.endsWith('[]') ? key.slice(0, -2) : key;
    if (!Object.hasOwn(shape, name)) throw invalid(`unknown query parameter "${key}"`);
    const all = [...params.getAll(name), ...params.getAll(`${name}[]`)];
    const [first = ''] = all;
    if (isArray(shape[name])) values[name] = all;
    else if (all.length > 1) throw invalid(`${name}: must be given once`);
    else values[name] = first;
  }
  if (query === null) return null;
  const result = query.safeParse(values, { reportInput: true });
  if (result.success) return result.data;
  throw bodyRefusal(route, flatten(result.error.issues));
}

function isArray(schema: z.core.$ZodType | undefined): boolean {
  const def = schema?._zod.def;
  if (def?.type === 'optional') return isArray((def as z.core.$ZodOptionalDef).innerType);
  return def?.type === 'array';
}

/** Deeper values exist only to exhaust the stack of whoever walks them. */
const jsonDepthMax = 256;

/** JSON text of a request body. */
export function parseJson(text: string): unknown {
  const json = parsedJson(text);
  const problem = problemOf(json);
  if (problem !== null) throw invalid(`Failed to parse request body: ${problem}`);
  return json;
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new Refusal('invalid_request', 'Failed to parse request body: invalid JSON', { cause });
  }
}

/** Level by level, not by recursion. Copies of an object would lose a field `__proto__` without a word. */
function problemOf(json: unknown): string | null {
  let level = [json].filter(isContainer);
  for (let depth = 0; level.length > 0; depth++) {
    if (depth === jsonDepthMax) return `nested more than ${jsonDepthMax} levels deep`;
    if (level.some((container) => Object.hasOwn(container, '__proto__'))) return 'unknown field "__proto__"';
    level = level.flatMap((container) => Object.values(container).filter(isContainer));
  }
  return null;
}

function isContainer(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
