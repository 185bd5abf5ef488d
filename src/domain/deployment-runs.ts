import type { RunError } from '../protocol/deployment-runs.ts';
import { Refusal } from '../protocol/refusal.ts';

/**
 * What a run says about a session that could not be created. A refusal may name its type itself; what it does
 * not name is a matter of the request. `unknown_error`: the fault is the server's.
 */
export function runErrorOf(cause: unknown): RunError {
  if (!(cause instanceof Refusal)) return { type: 'unknown_error', message: 'Internal server error' };
  return { type: cause.runError ?? typeOf(cause), message: cause.message };
}

function typeOf({ code }: Refusal): RunError['type'] {
  switch (code) {
    case 'rate_limited':
      return 'session_rate_limited_error';
    case 'internal':
    case 'unavailable':
    case 'overloaded':
      return 'unknown_error';
    default:
      return 'session_creation_rejected_error';
  }
}
