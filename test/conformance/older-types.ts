import type Sdk086 from 'anthropic-sdk-0.86';
import type Sdk095 from 'anthropic-sdk-0.95';
import type Sdk106 from 'anthropic-sdk-0.106';
import type Sdk120 from 'anthropic-sdk-0.120';
import type { ResponseOf, RouteKey, routes } from '../../src/protocol/routes.ts';
import type { OldSkill, OldSkillVersion } from '../../src/protocol/skills.ts';
import type {
  Answered,
  BodyInput,
  Downloads,
  InBody,
  InPath,
  InQuery,
  KeysOf,
  MethodOf,
  Params,
  WithBody,
} from '../support/sdk-types.ts';
import { check } from '../support/sdk-types.ts';

/**
 * Older SDKs against our routes, in the compiler. Newer answers may hold more kinds and more keys than an older
 * client knows, but nothing that it knows may be missing; and all that it can send is accepted.
 */

/** Answered in the shape of their time to who asks in the words of that time: older-clients.test.ts drives them. */
type Translated = `${'' | 'beta.'}skills${string}`;

/** The other routes that a version has a method for. */
type Known<Client> = {
  readonly [K in Exclude<RouteKey, Translated>]: [MethodOf<Client, K>] extends [never] ? never : K;
}[Exclude<RouteKey, Translated>];

/** What an older type has and ours lacks: kinds of a union and keys, whatever their depth. */
type Missing<Ours, Theirs> = Theirs extends readonly (infer TheirItem)[]
  ? Ours extends readonly (infer OurItem)[]
    ? Missing<OurItem, TheirItem>
    : { readonly noList: Theirs }
  : Theirs extends object
    ? MissingKeys<SameKind<Ours, Theirs>, Theirs>
    : never;
type MissingKeys<Ours, Theirs> = [Ours] extends [never]
  ? { readonly noKind: Theirs }
  : Ours extends unknown
    ? {
        [K in keyof Theirs]-?: K extends keyof Ours
          ? Missing<NonNullable<Ours[K]>, NonNullable<Theirs[K]>>
          : { readonly noKey: K };
      }[keyof Theirs]
    : never;
/** Our members of a union whose `type` is that of theirs. */
type SameKind<Ours, Theirs> = Theirs extends { type: infer Name extends string }
  ? string extends Name
    ? Ours
    : Extract<Ours, { type: Name }>
  : Ours;

type Answers<Client> = {
  readonly [K in Exclude<Known<Client>, Downloads>]: Missing<ResponseOf<K>, Answered<MethodOf<Client, K>>>;
};

/** Interfaces as plain types: only these are taken for records, such as a JSON Schema with any keys. */
type Plain<T> = T extends readonly (infer One)[]
  ? Plain<One>[]
  : T extends string
    ? T
    : T extends object
      ? { [K in keyof T]: Plain<T[K]> }
      : T;

/** What the method can send that our schema refuses. */
type Refused<Ours, Theirs> = [Theirs] extends [Ours]
  ? never
  : { readonly theirs: Theirs; readonly ours: Ours };
type Bodies<Client> = {
  readonly [K in Known<Client> & WithBody]: Refused<
    BodyInput<K>,
    Omit<Plain<Params<MethodOf<Client, K>>>, InPath<K> | InQuery<K>>
  >;
};

type OlderQuery<K extends RouteKey> = (typeof routes)[K] extends { readonly olderQuery: infer Schema }
  ? KeysOf<Schema>
  : never;
type Queries<Client> = {
  readonly [K in Known<Client>]: Exclude<
    keyof Params<MethodOf<Client, K>>,
    InQuery<K> | OlderQuery<K> | InBody<K> | InPath<K>
  >;
};

type Skills<Client> = {
  readonly retrieve: Answered<MethodOf<Client, 'beta.skills retrieve'>>;
  readonly version: Answered<MethodOf<Client, 'beta.skills.versions retrieve'>>;
};

type Nothing<T> = Readonly<Record<keyof T, never>>;

// Skills have one older shape, which all of these share.
check<OldSkill, Skills<Sdk086>['retrieve'] & Skills<Sdk120>['retrieve']>();
check<OldSkillVersion, Skills<Sdk086>['version'] & Skills<Sdk120>['version']>();
check<Answers<Sdk086>, Nothing<Answers<Sdk086>>>();
check<Answers<Sdk095>, Nothing<Answers<Sdk095>>>();
check<Answers<Sdk106>, Nothing<Answers<Sdk106>>>();
check<Answers<Sdk120>, Nothing<Answers<Sdk120>>>();
check<Bodies<Sdk086>, Nothing<Bodies<Sdk086>>>();
check<Bodies<Sdk095>, Nothing<Bodies<Sdk095>>>();
check<Bodies<Sdk106>, Nothing<Bodies<Sdk106>>>();
check<Bodies<Sdk120>, Nothing<Bodies<Sdk120>>>();
check<Queries<Sdk086>, Nothing<Queries<Sdk086>>>();
check<Queries<Sdk095>, Nothing<Queries<Sdk095>>>();
check<Queries<Sdk106>, Nothing<Queries<Sdk106>>>();
check<Queries<Sdk120>, Nothing<Queries<Sdk120>>>();
