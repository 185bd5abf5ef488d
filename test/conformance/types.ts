import type Anthropic from '@anthropic-ai/sdk';
import type { BetaManagedAgentsSessionEventType } from '@anthropic-ai/sdk/resources/beta/sessions/events';
import type { ErrorType } from '@anthropic-ai/sdk/resources/shared';
import type { z } from 'zod';
import type { Call } from '../../src/http/handlers.ts';
import type { ErrorType as OurErrorType } from '../../src/protocol/errors.ts';
import type { EventType } from '../../src/protocol/events.ts';
import type { ResponseOf, RouteKey, routes } from '../../src/protocol/routes.ts';

/**
 * The SDK's types are the schema of record. Everything here happens in the compiler (`npm run types`):
 * a route whose response or body strays from its SDK method does not compile.
 */

/** `beta.sessions.events` of the client's type. */
type Walk<T, Path extends string> = Path extends `${infer Head}.${infer Rest}`
  ? Head extends keyof T
    ? Walk<T[Head], Rest>
    : never
  : Path extends keyof T
    ? T[Path]
    : never;

/** The SDK's method of a route: both are named by the same resource and action. */
type Method<K extends RouteKey> = K extends `${infer Resource} ${infer Action}`
  ? Action extends keyof Walk<Anthropic, Resource>
    ? Walk<Anthropic, Resource>[Action]
    : never
  : never;

// biome-ignore lint/suspicious/noExplicitAny: the arguments of a method are of no interest here
type Answered<M> = M extends (...args: any[]) => infer Made ? Item<Awaited<Made>> : never;
/** Pages and streams are compared item by item; the client adds fields such as `_request_id` to the rest. */
type Item<T> = T extends AsyncIterable<infer One> ? One : T extends unknown ? Omit<T, `_${string}`> : never;

/** All keys of a type, optional ones included, so that a key we forgot is seen as missing. */
type Deep<T> = T extends readonly (infer One)[]
  ? Deep<One>[]
  : T extends object
    ? { [K in keyof T]-?: Deep<NonNullable<T[K]>> }
    : T;

/** Keys alone: the other way round values may differ, because the SDK leaves many of its strings open. */
type Keys<T> = T extends readonly (infer One)[]
  ? Keys<One>[]
  : T extends object
    ? { [K in keyof T]-?: Keys<NonNullable<T[K]>> }
    : null;

/** `true`, or what differs: shown by the compiler where `true` was expected. */
type Same<Ours, Theirs> = [Ours] extends [Theirs]
  ? [Deep<Ours>] extends [Deep<Theirs>]
    ? [Keys<Theirs>] extends [Keys<Ours>]
      ? true
      : { readonly keysTheSdkDoesNotKnow: [Keys<Ours>, Keys<Theirs>] }
    : { readonly keysWeDoNotKnow: [Deep<Ours>, Deep<Theirs>] }
  : { readonly notAssignable: [Ours, Theirs] };

/** The general models endpoint answers with the fields of the beta one as well: a superset. */
type Superset = 'models list' | 'models retrieve';
type Answers = {
  readonly [K in Exclude<RouteKey, Superset>]: Same<ResponseOf<K>, Answered<Method<K>>>;
};

// biome-ignore lint/suspicious/noExplicitAny: only one of the arguments is of interest
type Arguments<M> = M extends (...args: infer All extends any[]) => unknown ? All : never;
/** The parameters of a method: its first argument that is no id, without what travels in headers. */
type Params<M> =
  Arguments<M> extends [infer First, ...infer Rest]
    ? First extends string
      ? Omit<NonNullable<Rest[0]>, Header>
      : Omit<First, Header>
    : Arguments<M> extends [(infer Only)?, ...unknown[]]
      ? Omit<NonNullable<Only>, Header>
      : never;
type Header = 'betas' | 'workspace_id';

type WithBody = { readonly [K in RouteKey]: (typeof routes)[K]['body'] extends null ? never : K }[RouteKey];
/** What the SDK's method can send is accepted by our schema. */
type Bodies = {
  readonly [K in WithBody]: Accepts<
    z.input<NonNullable<(typeof routes)[K]['body']>>,
    Omit<Params<Method<K>>, InPath<K> | InQuery<K>>
  >;
};
/** Parameters of the SDK's method that do not travel in the body. */
type InPath<K extends RouteKey> = keyof Call<K>['params'];
type InQuery<K extends RouteKey> = KeysOf<(typeof routes)[K]['query']>;
type InBody<K extends RouteKey> = KeysOf<(typeof routes)[K]['body']>;
type KeysOf<Schema> = Schema extends z.ZodType ? keyof z.input<Schema> : never;
type Accepts<Ours, Theirs> = [Theirs] extends [Ours]
  ? [Keys<Ours>] extends [Keys<Theirs>]
    ? true
    : { readonly keysWeDoNotKnow: [Keys<Theirs>, Keys<Ours>] }
  : { readonly notAccepted: [Theirs, Ours] };

type WithQuery = { readonly [K in RouteKey]: (typeof routes)[K]['query'] extends null ? never : K }[RouteKey];
/** Every query parameter that the SDK's method knows is one of ours; ids of the path come along in some. */
type Queries = {
  readonly [K in WithQuery]: Exclude<keyof Params<Method<K>>, InQuery<K> | InBody<K> | `${string}_id`>;
};

type EqualSets<A, B> = [A] extends [B] ? ([B] extends [A] ? true : Exclude<B, A>) : Exclude<A, B>;

/** An assignment that fails to compile names what differs. */
function check<_ extends T, T>(): void {}

check<Answers, Record<keyof Answers, true>>();
check<ResponseOf<'models retrieve'>, Answered<Method<'models retrieve'>>>();
check<Bodies, Record<WithBody, true>>();
check<Queries, Record<WithQuery, never>>();
check<EqualSets<EventType, BetaManagedAgentsSessionEventType>, true>();
// A body that is too large is answered with a type that the SDK does not list (spec/README.md, Errors).
check<Exclude<OurErrorType, 'request_too_large'>, ErrorType>();
