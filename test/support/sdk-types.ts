import type { z } from 'zod';
import type { Call } from '../../src/http/handlers.ts';
import type { RouteKey, routes } from '../../src/protocol/routes.ts';

/** How the compiler reads the methods of an SDK: what a route answers and accepts is compared with these. */

/** `beta.sessions.events` of the client's type. */
type Walk<T, Path extends string> = Path extends `${infer Head}.${infer Rest}`
  ? Head extends keyof T
    ? Walk<T[Head], Rest>
    : never
  : Path extends keyof T
    ? T[Path]
    : never;

/** The method of a route, `never` if this client has none: both are named by the same resource and action. */
export type MethodOf<Client, K extends RouteKey> = K extends `${infer Resource} ${infer Action}`
  ? Action extends keyof Walk<Client, Resource>
    ? Walk<Client, Resource>[Action]
    : never
  : never;

// biome-ignore lint/suspicious/noExplicitAny: the arguments of a method are of no interest here
export type Answered<M> = M extends (...args: any[]) => infer Made ? Item<Awaited<Made>> : never;
/** Pages and streams are compared item by item; the client adds fields such as `_request_id` to the rest. */
type Item<T> =
  T extends AsyncIterable<infer One>
    ? One
    : T extends null
      ? null
      : T extends unknown
        ? Omit<T, `_${string}`>
        : never;

// biome-ignore lint/suspicious/noExplicitAny: only one of the arguments is of interest
type Arguments<M> = M extends (...args: infer All extends any[]) => unknown ? All : never;
/** The parameters of a method: its first argument that is no id, without what travels in headers. */
export type Params<M> =
  Arguments<M> extends [infer First, ...infer Rest]
    ? First extends string
      ? WithoutOptions<Omit<NonNullable<Rest[0]>, Header>>
      : Omit<First, Header>
    : Arguments<M> extends [(infer Only)?, ...unknown[]]
      ? Omit<NonNullable<Only>, Header>
      : never;
/** Options of the request itself, where a method has no parameters besides an id. */
type WithoutOptions<T> = '__binaryResponse' extends keyof T ? unknown : T;
type Header = 'betas' | 'workspace_id' | 'Anthropic-Worker-ID';

type Routes = typeof routes;
export type WithBody = { readonly [K in RouteKey]: Routes[K]['body'] extends null ? never : K }[RouteKey];
export type WithQuery = { readonly [K in RouteKey]: Routes[K]['query'] extends null ? never : K }[RouteKey];
export type WithForm = { readonly [K in RouteKey]: Routes[K]['form'] extends null ? never : K }[RouteKey];
export type FormInput<K extends RouteKey> = z.input<NonNullable<Routes[K]['form']>['fields']>;
export type BodyInput<K extends RouteKey> = z.input<NonNullable<Routes[K]['body']>>;

/** The SDK hands the response of a download over as it is. */
export type Downloads = {
  readonly [K in RouteKey]: Routes[K]['downloads'] extends true ? K : never;
}[RouteKey];

/** Where the parameters of a method travel, as far as our route knows them. */
export type InPath<K extends RouteKey> = keyof Call<K>['params'];
export type InQuery<K extends RouteKey> = KeysOf<Routes[K]['query']>;
export type InBody<K extends RouteKey> =
  | KeysOf<Routes[K]['body']>
  | (Routes[K]['form'] extends null ? never : keyof FormInput<K>);
export type KeysOf<Schema> = Schema extends z.ZodType ? keyof z.input<Schema> : never;

/** An assignment that fails to compile names what differs. */
export function check<_ extends T, T>(): void {}
