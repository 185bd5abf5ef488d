import type { EventStream } from '../control/stream-events.ts';
import type { BodyOf, QueryOf, ResponseOf, RouteKey, routes } from '../protocol/routes.ts';
import type { Caller } from './auth.ts';

/** What a handler gets: everything parsed, nothing raw but the replay cursor of a stream. */
export type Call<K extends RouteKey> = {
  readonly params: Readonly<Record<PathParameter<(typeof routes)[K]['path']>, string>>;
  readonly query: QueryOf<K>;
  readonly body: BodyOf<K>;
  /** `Last-Event-ID`, or null. */
  readonly lastEventId: string | null;
  /** The `anthropic-beta` values: where older clients mean an older shape. */
  readonly betas: readonly string[];
  /** What a worker calls itself, in `anthropic-worker-id`, or null. */
  readonly worker: string | null;
} & Caller;

type PathParameter<Path extends string> = Path extends `${string}:${infer Rest}`
  ? Rest extends `${infer Name}/${infer Tail}`
    ? NameOf<Name> | PathParameter<Tail>
    : NameOf<Rest>
  : never;
type NameOf<Text extends string> = Text extends `${infer Name}{${string}` ? Name : Text;

/** What a handler answers: a page, a stream, a download, or the response itself. */
export type Answer<K extends RouteKey> = (typeof routes)[K]['streams'] extends true
  ? EventStream
  : (typeof routes)[K]['paging'] extends null
    ? ResponseOf<K>
    : { readonly data: readonly ResponseOf<K>[] };

/** One handler per route: a missing one does not compile. */
export type Handlers = { readonly [K in RouteKey]: (call: Call<K>) => Promise<Answer<K>> };

/** The handlers of some routes, as the files of one noun give them. */
export type Some<K extends RouteKey> = Pick<Handlers, K>;
export type Keys<Prefix extends string> = Extract<RouteKey, `${Prefix} ${string}`>;
