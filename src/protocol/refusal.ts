import type { RunError } from './deployment-runs.ts';

/**
 * An expected "no". Thrown by the rules, turned into an error response at the door.
 * The code decides HTTP status and `error.type` (`errors.ts`); `errorCode` is the machine-readable
 * reason that goes to `details.error_code`.
 */
export type RefusalCode =
  | 'invalid_request'
  | 'authentication'
  | 'billing'
  | 'permission'
  | 'not_found'
  | 'method'
  | 'conflict'
  | 'conflict_invalid'
  | 'memory_path_conflict'
  | 'memory_precondition_failed'
  | 'precondition'
  | 'too_large'
  | 'rate_limited'
  | 'internal'
  | 'unavailable'
  | 'overloaded';

/** The memory in the way of a path, as the error object names it. */
export type MemoryConflict = { readonly conflicting_memory_id: string; readonly conflicting_path: string };

/** More about an `error_code`; what stands there is part of that code's definition. */
export type Details = Readonly<Record<string, unknown>>;

export type RefusalOptions = {
  readonly errorCode?: string;
  /** What `error_code` is about: stands beside it. */
  readonly details?: Details;
  /** More about a path conflict: stands beside `message` in the error object. */
  readonly conflict?: MemoryConflict;
  /** Overrides the `x-should-retry` header: `true` lets the SDK try again. */
  readonly retry?: boolean;
  /** What a deployment's run calls it when this keeps its session from being created. */
  readonly runError?: RunError['type'];
  /** Of a 429: when another try may succeed, as the `retry-after` header. */
  readonly retryAfterSeconds?: number;
  readonly cause?: unknown;
};

export class Refusal extends Error {
  readonly code: RefusalCode;
  readonly errorCode: string | undefined;
  readonly details: Details;
  readonly retry: boolean | undefined;
  readonly retryAfterSeconds: number | undefined;
  readonly conflict: MemoryConflict | undefined;
  readonly runError: RunError['type'] | undefined;

  constructor(code: RefusalCode, message: string, options: RefusalOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'Refusal';
    this.code = code;
    this.errorCode = options.errorCode;
    this.details = options.details ?? {};
    this.retry = options.retry;
    this.retryAfterSeconds = options.retryAfterSeconds;
    this.conflict = options.conflict;
    this.runError = options.runError;
  }
}

export function invalid(message: string, errorCode?: string): Refusal {
  return new Refusal('invalid_request', message, errorCode === undefined ? {} : { errorCode });
}
