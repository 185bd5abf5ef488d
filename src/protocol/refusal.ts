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
  | 'too_large'
  | 'rate_limited'
  | 'internal'
  | 'unavailable'
  | 'overloaded';

export type RefusalOptions = {
  readonly errorCode?: string;
  /** Overrides the `x-should-retry` header: `true` lets the SDK try again. */
  readonly retry?: boolean;
  readonly cause?: unknown;
};

export class Refusal extends Error {
  readonly code: RefusalCode;
  readonly errorCode: string | undefined;
  readonly retry: boolean | undefined;

  constructor(code: RefusalCode, message: string, options: RefusalOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'Refusal';
    this.code = code;
    this.errorCode = options.errorCode;
    this.retry = options.retry;
  }
}

export function invalid(message: string, errorCode?: string): Refusal {
  return new Refusal('invalid_request', message, errorCode === undefined ? {} : { errorCode });
}
