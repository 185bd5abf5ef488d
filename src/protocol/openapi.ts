import { z } from 'zod';
import { requestHeaders } from './beta.ts';
import type { Paging, Route } from './route.ts';
import { routes } from './routes.ts';

/**
 * The OpenAPI 3.1 description of everything in the route table, made from the schemas that requests are
 * parsed with and responses are checked against. Nothing in it is written by hand but the frame.
 */
export type OpenApi = {
  readonly openapi: '3.1.0';
  readonly info: { readonly title: string; readonly version: string; readonly description: string };
  readonly security: readonly Json[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Json>>; readonly securitySchemes: Json };
};

export type Operation = {
  readonly operationId: string;
  readonly summary: string;
  readonly tags: readonly string[];
  readonly parameters: readonly Json[];
  readonly requestBody?: Json;
  readonly responses: Json;
};

type Json = { readonly [key: string]: unknown };

export function openApi(version: string): OpenApi {
  const table: readonly Route[] = uniqueRoutes();
  const names = namesOf(table);
  const paths: Record<string, Record<string, Operation>> = {};
  for (const route of table) {
    const path = route.path.replace(/:(\w+)(\{[^}]*\})?/g, '{$1}');
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operationOf(route, names) };
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Anthill', version, description: 'A self-hosted server for Managed Agents.' },
    security: [{ apiKey: [] }, { bearer: [] }],
    paths,
    components: {
      schemas: {
        ...schemasOf(names.responses, 'output'),
        ...schemasOf(names.bodies, 'input'),
        Error: errorSchema,
      },
      securitySchemes: {
        apiKey: { type: 'apiKey', in: 'header', name: 'x-api-key' },
        bearer: { type: 'http', scheme: 'bearer' },
      },
    },
  };
}

/** The SDK reaches some endpoints by two names; the path is described once. */
function uniqueRoutes(): Route[] {
  const seen = new Map<string, Route>();
  for (const route of Object.values(routes)) {
    const endpoint = `${route.method} ${route.path}`;
    if (!seen.has(endpoint)) seen.set(endpoint, route);
  }
  return [...seen.values()];
}

type Names = {
  readonly responses: ReadonlyMap<z.ZodType, string>;
  readonly bodies: ReadonlyMap<z.ZodType, string>;
};

/** A name for each schema of the table: the noun for what is stored, noun and action for the rest. */
function namesOf(table: readonly Route[]): Names {
  const responses = new Map<z.ZodType, string>();
  const bodies = new Map<z.ZodType, string>();
  for (const route of table) {
    const noun = nounOf(route);
    const action = pascal(route.action);
    if (!responses.has(route.response)) {
      // A list may show more than the noun: then the noun is taken, and the list's items get a name of their own.
      const isNoun = showsNoun.has(route.action) && ![...responses.values()].includes(noun);
      responses.set(route.response, isNoun ? noun : `${noun}${action}Response`);
    }
    const body = bodySchema(route);
    if (body && !bodies.has(body)) bodies.set(body, `${noun}${action}Request`);
  }
  return { responses, bodies };
}

function bodySchema({ form, body }: Route): z.ZodType | null {
  return form ? form.fields : body;
}

/** Actions that answer with the noun itself. */
const showsNoun: ReadonlySet<string> = new Set(['create', 'retrieve', 'list', 'update', 'archive']);

/** `beta.sessions.events` → `SessionEvent`. */
function nounOf({ resource }: Route): string {
  return resource
    .filter((part) => part !== 'beta')
    .map((part) => pascal(part.replace(/ies$/, 'y').replace(/s$/, '')))
    .join('');
}

function pascal(text: string): string {
  return text.replace(/(^|[-_])(\w)/g, (_, __, letter: string) => letter.toUpperCase());
}

function operationOf(route: Route, names: Names): Operation {
  const headers = Object.entries(requestHeaders(route)).map(([name, value]) => ({
    name,
    in: 'header',
    required: true,
    schema: { type: 'string', examples: [value] },
  }));
  const schema = bodySchema(route);
  const body = schema && names.bodies.get(schema);
  const bodyType = route.form ? 'multipart/form-data' : 'application/json';
  return {
    operationId: `${nounOf(route)}_${route.action}`,
    summary: route.summary,
    tags: [route.resource.join('.')],
    parameters: [...pathParameters(route), ...queryParameters(route), ...headers],
    ...(body ? { requestBody: { required: true, content: { [bodyType]: { schema: ref(body) } } } } : {}),
    responses: { 200: success(route, names), default: failure },
  };
}

function ref(name: string): Json {
  return { $ref: `#/components/schemas/${name}` };
}

function pathParameters({ path }: Route): Json[] {
  return [...path.matchAll(/:(\w+)/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }));
}

function queryParameters({ query }: Route): Json[] {
  if (query === null) return [];
  const { properties = {}, required = [] } = z.toJSONSchema(query, { io: 'input', unrepresentable: 'any' });
  return Object.entries(properties).map(([name, schema]) => {
    const isList = typeof schema === 'object' && schema.type === 'array';
    return {
      name: isList ? `${name}[]` : name,
      in: 'query',
      required: required.includes(name),
      schema,
      ...(isList ? { style: 'form', explode: true } : {}),
    };
  });
}

function success(route: Route, names: Names): Json {
  const item = ref(names.responses.get(route.response) ?? '');
  if (route.downloads) return { description: 'The file', content: { '*/*': { schema: item } } };
  if (route.streams)
    return { description: 'Server-sent events', content: { 'text/event-stream': { schema: item } } };
  const schema = route.paging ? pageOf(item, route.paging) : item;
  return { description: 'OK', content: { 'application/json': { schema } } };
}

function pageOf(item: Json, { kind }: Paging): Json {
  const cursor = { type: ['string', 'null'] };
  const rest: Readonly<Record<Paging['kind'], Json>> = {
    cursor: { next_page: cursor },
    'cursor-both': { next_page: cursor, prev_page: cursor },
    ids: { has_more: { type: 'boolean' }, first_id: cursor, last_id: cursor },
    report: { next_page: cursor, has_more: { type: 'boolean' } },
  };
  const properties = { data: { type: 'array', items: item }, ...rest[kind] };
  return { type: 'object', properties, required: Object.keys(properties) };
}

const failure = {
  description: 'Refused or failed',
  content: { 'application/json': { schema: ref('Error') } },
};

const errorSchema: Json = {
  type: 'object',
  required: ['type', 'error', 'request_id'],
  properties: {
    type: { const: 'error' },
    error: {
      type: 'object',
      required: ['type', 'message'],
      properties: {
        type: { type: 'string' },
        message: { type: 'string' },
        details: { type: 'object', properties: { error_code: { type: 'string' } } },
        conflicting_memory_id: { type: ['string', 'null'] },
        conflicting_path: { type: ['string', 'null'] },
      },
    },
    request_id: { type: 'string' },
  },
};

/** Schemas that are named refer to each other by name. */
function schemasOf(names: ReadonlyMap<z.ZodType, string>, io: 'input' | 'output'): Record<string, Json> {
  const registry = z.registry<{ id: string }>();
  for (const [schema, id] of names) registry.add(schema, { id });
  const { schemas } = z.toJSONSchema(registry, {
    io,
    unrepresentable: 'any',
    uri: (id) => `#/components/schemas/${id}`,
  });
  return Object.fromEntries(
    Object.entries(schemas).map(([id, { $schema: _, $id: __, ...schema }]) => [id, schema]),
  );
}
