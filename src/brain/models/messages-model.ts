import type Anthropic from '@anthropic-ai/sdk';
import { APIError } from '@anthropic-ai/sdk/error';
import type { Clock } from '../../base/clock.ts';
import { systemClock } from '../../base/clock.ts';
import { scrub } from '../../base/scrub.ts';
import { modelRetryAfterMsMax, modelStreamIdleMsMax } from '../../domain/limits.ts';
import type { Model, ModelFailure, ModelReply, ModelRequest } from '../../domain/model.ts';
import { downgraded } from './downgrade.ts';
import { failingWhenIdle } from './idle-watch.ts';
import type { Profile } from './profile.ts';
import type { StreamEvent } from './reply-assembly.ts';
import { createAssembly } from './reply-assembly.ts';
import type { WireLimits } from './wire-request.ts';
import { wireRequest } from './wire-request.ts';

type Fetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>;

export type MessagesModelOptions = {
  readonly baseURL: string;
  /** Sent as `x-api-key`, which every endpoint behind this API reads; null for endpoints that want none. */
  readonly apiKey: string | null;
  /** What the endpoint can do as far as is known; what it complains of is left out from then on. */
  readonly profile: Profile;
  readonly limitsOf: (modelId: string) => Omit<WireLimits, 'profile'>;
  /** How requests leave; the scripted endpoint is called without a socket. */
  readonly fetch?: Fetch;
  /** Measures silence. */
  readonly clock?: Clock;
};

const apiVersion = '2026-10-21';
const betaOfField = {
  speed: 'fast-mode-2026-02-01',
  context_management: 'context-management-2025-06-27',
};

function betasOf(body: Readonly<Record<string, unknown>>): string | null {
  const betas = Object.entries(betaOfField).flatMap(([field, beta]) => (field in body ? [beta] : []));
  return betas.length === 0 ? null : betas.join(',');
}

const secretCharactersMin = 16;

/** Providers repeat keys, and what they say is shown to clients. A word like `none` is no secret. */
function secretsIn(apiKey: string | null): readonly string[] {
  return apiKey !== null && apiKey.length >= secretCharactersMin ? [apiKey] : [];
}

/** A model behind the Messages API, through the official SDK. Retries are the brain's business, not the SDK's. */
export function createMessagesModel(options: MessagesModelOptions): Model {
  let opened: Promise<Anthropic> | null = null;
  const secrets = secretsIn(options.apiKey);
  /** What was learned from refusals, by model. */
  const learned = new Map<string, Profile>();

  async function request(
    wanted: ModelRequest,
    onDelta: OnDelta,
    signal: AbortSignal,
  ): Promise<ModelReply | ModelFailure> {
    let profile = learned.get(wanted.model.id) ?? options.profile;
    for (;;) {
      const outcome = await attempt(wanted, profile, onDelta, signal);
      if (outcome.type !== 'refused') return outcome;
      const lesser = downgraded(profile, outcome.failure.message);
      if (!lesser) return outcome.failure;
      profile = lesser.profile;
      if (lesser.isLasting) learned.set(wanted.model.id, profile);
    }
  }

  async function attempt(wanted: ModelRequest, profile: Profile, onDelta: OnDelta, signal: AbortSignal) {
    signal.throwIfAborted();
    const assembly = createAssembly(wanted.model.id);
    try {
      const body = wireRequest(wanted, { profile, ...options.limitsOf(wanted.model.id) });
      opened ??= openSdk(options);
      const sdk = await opened;
      const stream = await sdk.post<AsyncIterable<StreamEvent>>('/v1/messages', {
        body,
        stream: true,
        signal,
        headers: {
          'anthropic-version': apiVersion,
          'anthropic-beta': betasOf(body),
          'x-api-key': options.apiKey,
          authorization: null,
        },
      });
      for await (const event of stream) {
        for (const delta of assembly.take(event)) onDelta(delta);
      }
      signal.throwIfAborted();
      return assembly.finish() ?? failure('request_failed', 'the reply ended before it was complete', true);
    } catch (cause) {
      signal.throwIfAborted();
      // A whole reply is one, however its connection ended.
      return assembly.finish() ?? refusalOf(cause, secrets) ?? failureOf(cause, secrets);
    }
  }

  return { request };
}

/** Loaded at the first request: a fifth of all that a server would load to start. */
async function openSdk(options: MessagesModelOptions): Promise<Anthropic> {
  const { default: Sdk } = await import('@anthropic-ai/sdk');
  return new Sdk({
    baseURL: options.baseURL,
    // Everything is said here: the SDK must not look at the environment of the server.
    apiKey: options.apiKey ?? 'none',
    authToken: null,
    webhookKey: null,
    openTelemetry: false,
    maxRetries: 0,
    timeout: modelStreamIdleMsMax,
    logLevel: 'off',
    fetch: guarded(options),
  });
}

type OnDelta = Parameters<Model['request']>[1];

/** The endpoint read the request and did not like it; perhaps it likes a plainer one. */
type Refused = { readonly type: 'refused'; readonly failure: ModelFailure };

function refusalOf(cause: unknown, secrets: Secrets): Refused | null {
  if (!(cause instanceof APIError) || (cause.status !== 400 && cause.status !== 422)) return null;
  return { type: 'refused', failure: failureOf(cause, secrets) };
}

/** The SDK sends what ANTHROPIC_CUSTOM_HEADERS says, and nothing turns that off; it is meant for other endpoints. */
const ownHeaders = /^(accept|content-type|user-agent|x-api-key|anthropic-(version|beta)|x-stainless-.+)$/;

/** Sends no header that this file or the SDK's own code did not set, and gives up on silent answers. */
function guarded({ fetch: send = fetch, clock = systemClock }: MessagesModelOptions): Fetch {
  return async (input, init) => {
    const given = [...new Headers(init?.headers)].filter(([name]) => ownHeaders.test(name));
    const response = await send(input, { ...init, headers: given });
    if (!response.body) return response;
    const { status, statusText, headers } = response;
    const body = failingWhenIdle(response.body, modelStreamIdleMsMax, clock);
    return new Response(body, { status, statusText, headers });
  };
}

function failure(kind: ModelFailure['kind'], message: string, retryable: boolean): ModelFailure {
  return { type: 'failure', kind, message, retryable, retryAfterMs: null };
}

/** What went wrong, for the log; the kind decides what the session says (spec/events.md, Errors). */
function failureOf(cause: unknown, secrets: Secrets): ModelFailure {
  if (!(cause instanceof APIError)) {
    const message = scrub(cause instanceof Error ? cause.message : String(cause), secrets);
    return failure('request_failed', `the model's answer broke off: ${message}`, true);
  }
  return { ...classified(cause, secrets), retryAfterMs: retryAfterMs(cause.headers) };
}

type Secrets = readonly string[];
type ApiError = InstanceType<typeof APIError>;

function classified(cause: ApiError, secrets: Secrets): ModelFailure {
  const { status } = cause;
  const { type, message } = reported(cause, secrets);
  if (type === 'overloaded_error' || status === 529) return failure('overloaded', message, true);
  if (type === 'rate_limit_error' || status === 429) return failure('rate_limited', message, true);
  if (type === 'billing_error' || status === 402) return failure('billing', message, false);
  // No status: the connection failed, or the provider reported an error in the middle of its stream.
  if (isTooLong(status, message)) return failure('context_overflow', message, false);
  const retryable =
    status === undefined
      ? type !== 'invalid_request_error'
      : status >= 500 || status === 408 || status === 409;
  return failure('request_failed', message, retryable);
}

/** Providers say it in many ways, all of them with a refusal of the request. */
function isTooLong(status: number | undefined, message: string): boolean {
  if (status !== undefined && status !== 400 && status !== 413 && status !== 422) return false;
  return /prompt is too long|context (length|window|size)|maximum context|too many tokens|exceeds? .*\btokens\b/i.test(
    message,
  );
}

/** Some proxies answer with a whole page; the log is no place for it. */
const messageCharactersMax = 1_000;

type Reported = { readonly type: string | null; readonly message: string };

/** The provider's own words where it gave some. */
function reported({ status, error: body, message }: ApiError, secrets: Secrets): Reported {
  const error = fieldOf(body, 'error');
  const type = fieldOf(error, 'type');
  const said = fieldOf(error, 'message');
  const words = typeof said === 'string' ? said : message;
  const suffix = words === message || status === undefined ? '' : ` (HTTP ${status})`;
  return {
    type: typeof type === 'string' ? type : null,
    // Whole first, so that no secret is cut into a part that is not recognised.
    message: `${shortened(scrub(words, secrets))}${suffix}`,
  };
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}

function shortened(text: string): string {
  return text.length > messageCharactersMax ? `${text.slice(0, messageCharactersMax)}…` : text;
}

function retryAfterMs(headers: Headers | undefined): number | null {
  const seconds = Number(headers?.get('retry-after') ?? Number.NaN);
  return Number.isFinite(seconds) && seconds >= 0 ? Math.min(seconds * 1000, modelRetryAfterMsMax) : null;
}
