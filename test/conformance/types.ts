import type Anthropic from '@anthropic-ai/sdk';
import type { BetaManagedAgentsSessionEventType } from '@anthropic-ai/sdk/resources/beta/sessions/events';
import type { BetaWebhookEvent as SentEvent } from '@anthropic-ai/sdk/resources/beta/webhooks';
import type { ErrorType } from '@anthropic-ai/sdk/resources/shared';
import type { ErrorType as OurErrorType } from '../../src/protocol/errors.ts';
import type { EventType } from '../../src/protocol/events.ts';
import type { ResponseOf, RouteKey } from '../../src/protocol/routes.ts';
import type { WebhookEventType } from '../../src/protocol/webhook-endpoints.ts';
import type {
  Answered,
  BodyInput,
  Downloads,
  FormInput,
  InBody,
  InPath,
  InQuery,
  MethodOf,
  Params,
  WithBody,
  WithForm,
  WithQuery,
} from '../support/sdk-types.ts';
import { check } from '../support/sdk-types.ts';

/**
 * The SDK's types are the schema of record. Everything here happens in the compiler (`npm run types`):
 * a route whose response or body strays from its SDK method does not compile.
 */
type Method<K extends RouteKey> = MethodOf<Anthropic, K>;

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

/** Routes of ours, for what the original does in its Console or not at all. One that the SDK gets a method for is no longer ours. */
type Own =
  | 'beta.sessions.diagnosis retrieve'
  | 'beta.sessions.egress list'
  | 'organization.apiKeys create'
  | 'organization.environmentKeys create'
  | 'organization.environmentKeys list'
  | 'organization.environmentKeys revoke'
  | 'organization.usageReport messages';

/** The organization's endpoints of the original hear of other events than those of a workspace, which ours are. */
type Widened<T> = T extends { enabled_events?: unknown }
  ? { [K in keyof T]: K extends 'enabled_events' ? WebhookEventType[] : T[K] }
  : T;
type OrganizationEventType = Answered<
  Method<'beta.organization.webhooks retrieve'>
>['enabled_events'][number];

/** The general endpoints for models and files answer with the fields of the beta ones as well: a superset. */
type Superset = 'models list' | 'models retrieve' | 'files list' | 'files retrieveMetadata' | 'files upload';
type Answers = {
  readonly [K in Exclude<RouteKey, Superset | Downloads | Own>]: Same<
    ResponseOf<K>,
    Widened<Answered<Method<K>>>
  >;
};

type Sending = Exclude<WithBody, Own>;
/** What the SDK's method can send is accepted by our schema. */
type Bodies = {
  readonly [K in Sending]: Accepts<BodyInput<K>, Widened<Omit<Params<Method<K>>, InPath<K> | InQuery<K>>>>;
};
type Accepts<Ours, Theirs> = [Theirs] extends [Ours]
  ? [Keys<Ours>] extends [Keys<Theirs>]
    ? true
    : { readonly keysWeDoNotKnow: [Keys<Theirs>, Keys<Ours>] }
  : { readonly notAccepted: [Theirs, Ours] };

/** Of clients of before August 2026. */
type OlderPart = 'display_title';
/** A form has the parts that the SDK's method sends; what travels in them is text or a file. */
type Parts = {
  readonly [K in WithForm]: EqualSets<
    Exclude<keyof FormInput<K>, OlderPart>,
    keyof Omit<Params<Method<K>>, InPath<K>>
  >;
};

/** Every query parameter that the SDK's method knows is one of ours; ids of the path come along in some. */
type Queries = {
  readonly [K in Exclude<WithQuery, Own>]: Exclude<
    keyof Params<Method<K>>,
    InQuery<K> | InBody<K> | `${string}_id`
  >;
};

type EqualSets<A, B> = [A] extends [B] ? ([B] extends [A] ? true : Exclude<B, A>) : Exclude<A, B>;

check<Answers, Record<keyof Answers, true>>();
check<ResponseOf<'models retrieve'>, Answered<Method<'models retrieve'>>>();
check<ResponseOf<'files upload'>, Answered<Method<'files upload'>>>();
check<Answered<Method<Downloads>>, Omit<Response, `_${string}`>>();
check<Parts, Record<WithForm, true>>();
check<Bodies, Record<Sending, true>>();
check<Queries, Record<Exclude<WithQuery, Own>, never>>();
check<{ readonly [K in Own]: Method<K> }, Record<Own, never>>();
check<EqualSets<EventType, BetaManagedAgentsSessionEventType>, true>();
check<EqualSets<WebhookEventType, Exclude<SentEvent['data']['type'], OrganizationEventType>>, true>();
// A body that is too large is answered with a type that the SDK does not list (spec/README.md, Errors).
check<Exclude<OurErrorType, 'request_too_large'>, ErrorType>();
