import type { Details, MemoryConflict, RefusalCode } from './refusal.ts';
import { Refusal } from './refusal.ts';

export type ErrorType =
  | 'invalid_request_error'
  | 'authentication_error'
  | 'billing_error'
  | 'permission_error'
  | 'not_found_error'
  | 'conflict_error'
  | 'memory_path_conflict_error'
  | 'memory_precondition_failed_error'
  | 'request_too_large'
  | 'rate_limit_error'
  | 'api_error'
  | 'overloaded_error';

export type ErrorBody = {
  readonly type: 'error';
  readonly error: {
    readonly type: ErrorType;
    readonly message: string;
    readonly details?: { readonly error_code: string } & Details;
  } & Partial<MemoryConflict>;
  readonly request_id: string;
};

const wire: Record<RefusalCode, { readonly status: number; readonly type: ErrorType }> = {
  invalid_request: { status: 400, type: 'invalid_request_error' },
  authentication: { status: 401, type: 'authentication_error' },
  billing: { status: 402, type: 'billing_error' },
  permission: { status: 403, type: 'permission_error' },
  not_found: { status: 404, type: 'not_found_error' },
  method: { status: 405, type: 'invalid_request_error' },
  conflict: { status: 409, type: 'conflict_error' },
  // The one 409 recorded with another type: deleting an environment in use (spec/README.md, Errors).
  conflict_invalid: { status: 409, type: 'invalid_request_error' },
  memory_path_conflict: { status: 409, type: 'memory_path_conflict_error' },
  memory_precondition_failed: { status: 409, type: 'memory_precondition_failed_error' },
  precondition: { status: 412, type: 'invalid_request_error' },
  too_large: { status: 413, type: 'request_too_large' },
  rate_limited: { status: 429, type: 'rate_limit_error' },
  internal: { status: 500, type: 'api_error' },
  unavailable: { status: 503, type: 'api_error' },
  overloaded: { status: 529, type: 'overloaded_error' },
};

export type WireError = {
  readonly status: number;
  readonly body: ErrorBody;
  readonly headers: Readonly<Record<string, string>>;
};

/** The error response of a refusal (spec/README.md, Errors). */
export function wireError(refusal: Refusal, requestId: string): WireError {
  const { status, type } = wire[refusal.code];
  const code = refusal.errorCode;
  const details = code === undefined ? {} : { details: { error_code: code, ...refusal.details } };
  const error = { type, message: refusal.message, ...refusal.conflict, ...details };
  const retry = shouldRetry(refusal, status);
  return {
    status,
    body: { type: 'error', error, request_id: requestId },
    headers: {
      ...(retry === undefined ? {} : { 'x-should-retry': String(retry) }),
      ...(refusal.retryAfterSeconds === undefined
        ? {}
        : { 'retry-after': String(refusal.retryAfterSeconds) }),
    },
  };
}

/** The SDK retries 408, 409, 429 and 5xx by itself; every other 4xx says that trying again is no use. */
function shouldRetry(refusal: Refusal, status: number): boolean | undefined {
  if (refusal.retry !== undefined) return refusal.retry ? undefined : false;
  return status >= 400 && status < 500 && status !== 408 && status !== 429 ? false : undefined;
}

export function internalError(cause: unknown): Refusal {
  return new Refusal('internal', 'Internal server error', { cause });
}
