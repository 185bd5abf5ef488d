import Anthropic from '@anthropic-ai/sdk';
import { modelRetryAfterMsMax, modelStreamIdleMsMax } from '../../domain/limits.ts';
import type { Model, ModelFailure, ModelReply, ModelRequest } from '../../domain/model.ts';
import type { Profile } from './profile.ts';
import type { StreamEvent } from './reply-assembly.ts';
import { createAssembly } from './reply-assembly.ts';
import { wireRequest } from './wire-request.ts';

export type MessagesModelOptions = {
  readonly baseURL: string;
  /** Sent as `x-api-key`; null for endpoints that want none. */
  readonly apiKey: string | null;
  readonly profile: Profile;
  /** How requests leave; the scripted endpoint is called without a socket. */
  readonly fetch?: (input: string | URL | Request, init?: RequestInit) => Promise<Response>;
};

const fastModeBeta = 'fast-mode-2026-02-01';

/** A model behind the Messages API, through the official SDK. Retries are the brain's business, not the SDK's. */
export function createMessagesModel(options: MessagesModelOptions): Model {
  const client = new Anthropic({
    baseURL: options.baseURL,
    // Everything is said here: the SDK must not look at the environment of the server.
    apiKey: options.apiKey ?? 'none',
    authToken: null,
    maxRetries: 0,
    timeout: modelStreamIdleMsMax,
    logLevel: 'off',
    ...(options.fetch ? { fetch: options.fetch } : {}),
  });

  async function request(
    wanted: ModelRequest,
    onDelta: Parameters<Model['request']>[1],
    signal: AbortSignal,
  ) {
    signal.throwIfAborted();
    const idle = new AbortController();
    const timer = setTimeout(() => idle.abort(), modelStreamIdleMsMax);
    try {
      const body = wireRequest(wanted, options.profile);
      const stream = await client.post<AsyncIterable<StreamEvent>>('/v1/messages', {
        body,
        stream: true,
        signal: AbortSignal.any([signal, idle.signal]),
        ...('speed' in body ? { headers: { 'anthropic-beta': fastModeBeta } } : {}),
      });
      const assembly = createAssembly(wanted.model.id);
      for await (const event of stream) {
        timer.refresh();
        for (const delta of assembly.take(event)) onDelta(delta);
      }
      signal.throwIfAborted();
      return (
        assembly.finish() ??
        failure('request_failed', 'the model stream ended before the reply was complete', true)
      );
    } catch (cause) {
      signal.throwIfAborted();
      return failureOf(cause, idle.signal.aborted);
    } finally {
      clearTimeout(timer);
    }
  }

  return {
    request: (wanted, onDelta, signal): Promise<ModelReply | ModelFailure> =>
      request(wanted, onDelta, signal),
  };
}

function failure(kind: ModelFailure['kind'], message: string, retryable: boolean): ModelFailure {
  return { type: 'failure', kind, message, retryable, retryAfterMs: null };
}

/** What went wrong, for the log; the kind decides what the session says (spec/events.md, Errors). */
function failureOf(cause: unknown, timedOut: boolean): ModelFailure {
  if (timedOut)
    return failure('request_failed', `the model sent nothing for ${modelStreamIdleMsMax} ms`, true);
  if (!(cause instanceof Anthropic.APIError)) {
    const message = cause instanceof Error ? cause.message : String(cause);
    return failure('request_failed', `the model could not be reached: ${message}`, true);
  }
  const { status } = cause;
  const message = messageOf(cause);
  const type = errorTypeOf(cause);
  if (type === 'overloaded_error' || status === 529) return failure('overloaded', message, true);
  if (type === 'rate_limit_error' || status === 429) {
    return { ...failure('rate_limited', message, true), retryAfterMs: retryAfterMs(cause.headers) };
  }
  if (type === 'billing_error' || status === 402) return failure('billing', message, false);
  // No status: the connection failed, or the provider reported an error in the middle of its stream.
  const retryable =
    status === undefined
      ? type !== 'invalid_request_error'
      : status >= 500 || status === 408 || status === 409;
  return failure('request_failed', message, retryable);
}

function errorTypeOf(cause: InstanceType<typeof Anthropic.APIError>): string | null {
  const body: unknown = cause.error;
  const error = typeof body === 'object' && body !== null ? Reflect.get(body, 'error') : null;
  const type = typeof error === 'object' && error !== null ? Reflect.get(error, 'type') : null;
  return typeof type === 'string' ? type : null;
}

/** The provider's own words where it gave some. */
function messageOf(cause: InstanceType<typeof Anthropic.APIError>): string {
  const body: unknown = cause.error;
  const error = typeof body === 'object' && body !== null ? Reflect.get(body, 'error') : null;
  const said = typeof error === 'object' && error !== null ? Reflect.get(error, 'message') : null;
  const text = typeof said === 'string' ? said : cause.message;
  return cause.status === undefined ? text : `${text} (HTTP ${cause.status})`;
}

function retryAfterMs(headers: Headers | undefined): number | null {
  const seconds = Number(headers?.get('retry-after') ?? Number.NaN);
  return Number.isFinite(seconds) && seconds >= 0 ? Math.min(seconds * 1000, modelRetryAfterMsMax) : null;
}
