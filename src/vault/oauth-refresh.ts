import type { RawAnswer } from '../domain/credential-validation.ts';
import type { Credential } from '../protocol/credentials.ts';

/** What a token endpoint needs to know, with its secrets in the clear. */
export type RefreshRequest = {
  readonly refresh: NonNullable<Extract<Credential['auth'], { type: 'mcp_oauth' }>['refresh']>;
  readonly refreshToken: string;
  readonly clientSecret: string | null;
};

export type RefreshOutcome =
  | {
      readonly type: 'succeeded';
      readonly accessToken: string;
      /** The endpoint rotated it; null: the old one stays. */
      readonly refreshToken: string | null;
      /** Seconds; null: unknown. */
      readonly expiresIn: number | null;
    }
  | { readonly type: 'failed'; readonly answer: RawAnswer }
  | { readonly type: 'connect_error' };

const answerCharactersMax = 64 * 1024;

/**
 * Exchanges a refresh token for new tokens (RFC 6749, section 6; the `resource` of RFC 8707). Ends within
 * `deadlineMs`, never rejects. Redirects are not followed: they would carry the secrets along.
 */
export async function refreshTokens(wanted: RefreshRequest, deadlineMs: number): Promise<RefreshOutcome> {
  const { headers, form } = asked(wanted);
  try {
    const response = await fetch(wanted.refresh.token_endpoint, {
      method: 'POST',
      headers: { accept: 'application/json', ...headers },
      body: form,
      redirect: 'manual',
      signal: AbortSignal.timeout(deadlineMs),
    });
    const text = await response.text();
    return (response.ok ? tokensIn(text) : null) ?? { type: 'failed', answer: rawAnswer(response, text) };
  } catch {
    return { type: 'connect_error' };
  }
}

function asked({ refresh, refreshToken, clientSecret }: RefreshRequest) {
  const { client_id, scope, resource, token_endpoint_auth } = refresh;
  const form = new URLSearchParams({ grant_type: 'refresh_token', refresh_token: refreshToken });
  if (scope) form.set('scope', scope);
  if (resource) form.set('resource', resource);
  if (token_endpoint_auth.type === 'client_secret_basic') {
    const pair = [client_id, clientSecret ?? ''].map(encodeURIComponent).join(':');
    return { headers: { authorization: `Basic ${Buffer.from(pair).toString('base64')}` }, form };
  }
  form.set('client_id', client_id);
  if (token_endpoint_auth.type === 'client_secret_post') form.set('client_secret', clientSecret ?? '');
  return { headers: {}, form };
}

function tokensIn(text: string): RefreshOutcome | null {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof parsed !== 'object' || parsed === null) return null;
  const accessToken: unknown = Reflect.get(parsed, 'access_token');
  if (typeof accessToken !== 'string' || accessToken === '') return null;
  const refreshToken: unknown = Reflect.get(parsed, 'refresh_token');
  const expiresIn = Number(Reflect.get(parsed, 'expires_in') ?? Number.NaN);
  return {
    type: 'succeeded',
    accessToken,
    refreshToken: typeof refreshToken === 'string' && refreshToken !== '' ? refreshToken : null,
    expiresIn: Number.isFinite(expiresIn) && expiresIn > 0 ? Math.floor(expiresIn) : null,
  };
}

function rawAnswer({ status, headers }: Response, text: string): RawAnswer {
  return {
    status,
    contentType: headers.get('content-type') ?? '',
    body: text.slice(0, answerCharactersMax),
    isCut: text.length > answerCharactersMax,
  };
}
