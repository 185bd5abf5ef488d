import { scrub } from '../base/scrub.ts';
import type { StoredCredential } from '../domain/collections.ts';
import type {
  ProbeFailure,
  ProbeMcp,
  RawAnswer,
  SaveRotated,
  ValidateCredential,
  Verdict,
} from '../domain/credential-validation.ts';
import type { CredentialValidation } from '../protocol/credentials.ts';
import type { RefreshOutcome } from './oauth-refresh.ts';
import type { Refresh } from './open-credential.ts';
import { openCredential } from './open-credential.ts';

export type ValidateOptions = {
  readonly key: Uint8Array;
  readonly probe: ProbeMcp;
  readonly refresh: Refresh;
};

type Status = CredentialValidation['status'];

/** spec/vaults.md, mcp_oauth_validate. A refreshed token is kept first, then tried. */
export function createValidate(options: ValidateOptions): ValidateCredential {
  const underWay = new Map<string, Promise<Verdict>>();
  return (stored, save) => {
    const { id } = stored.credential;
    const running = underWay.get(id) ?? validate(options, stored, save).finally(() => underWay.delete(id));
    underWay.set(id, running);
    return running;
  };
}

async function validate(
  options: ValidateOptions,
  stored: StoredCredential,
  save: SaveRotated,
): Promise<Verdict> {
  const { auth } = stored.credential;
  if (auth.type !== 'mcp_oauth') throw new Error('only OAuth credentials are validated');
  const open = openCredential(options.key, stored);
  const secrets = open.all();
  const has_refresh_token = open.secret('refresh_token') !== null;
  const verdict = (
    status: Status,
    failure: ProbeFailure,
    refresh: RefreshOutcome | 'no_refresh_token' | null,
  ) => ({
    status,
    has_refresh_token,
    mcp_probe: failure && { method: failure.method, http_response: shown(failure.answer, secrets) },
    refresh: refreshShown(refresh, secrets),
  });

  const token = open.secret('access_token');
  const failure: ProbeFailure = token === null ? null : await options.probe(auth.mcp_server_url, token);
  if (token !== null && failure === null) return verdict('valid', null, null);
  if (token !== null && failure?.answer?.status !== 401) return verdict(statusAfter(failure), failure, null);
  const outcome = await options.refresh(stored, save);
  if (outcome === null) return verdict('invalid', failure, 'no_refresh_token');
  if (outcome.type !== 'succeeded') return verdict(statusOfRefresh(outcome), failure, outcome);
  secrets.push(outcome.accessToken, ...(outcome.refreshToken === null ? [] : [outcome.refreshToken]));
  const again = await options.probe(auth.mcp_server_url, outcome.accessToken);
  return verdict(again === null ? 'valid' : statusAfter(again), again, outcome);
}

/** The server said no to the token, or nothing about it. */
function statusAfter(failure: ProbeFailure): Status {
  const status = failure?.answer?.status;
  return status === 401 || status === 403 ? 'invalid' : 'unknown';
}

function statusOfRefresh(outcome: RefreshOutcome): Status {
  if (outcome.type !== 'failed') return 'unknown';
  const { status } = outcome.answer;
  return status >= 400 && status < 500 && status !== 408 && status !== 429 ? 'invalid' : 'unknown';
}

const shownCharactersMax = 4_096;

/** Scrubbed as a whole, then cut, so that no secret is cut into a part that is not recognised. */
function shown(answer: RawAnswer | null, secrets: readonly string[]): CredentialValidationResponse | null {
  if (answer === null) return null;
  const clean = scrub(answer.body, secrets);
  return {
    status_code: answer.status,
    content_type: answer.contentType,
    body: clean.slice(0, shownCharactersMax),
    body_truncated: answer.isCut || clean.length > shownCharactersMax,
  };
}

type CredentialValidationResponse = NonNullable<
  NonNullable<CredentialValidation['mcp_probe']>['http_response']
>;

function refreshShown(
  outcome: RefreshOutcome | 'no_refresh_token' | null,
  secrets: readonly string[],
): CredentialValidation['refresh'] {
  if (outcome === null) return null;
  if (outcome === 'no_refresh_token') return { status: outcome, http_response: null };
  return {
    status: outcome.type,
    http_response: outcome.type === 'failed' ? shown(outcome.answer, secrets) : null,
  };
}
