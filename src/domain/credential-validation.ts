import type { Credential, CredentialValidation } from '../protocol/credentials.ts';
import type { StoredCredential } from './collections.ts';

/** An HTTP answer as it came, the beginning of it: it may repeat the secrets that it answers. */
export type RawAnswer = {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
  readonly isCut: boolean;
};

/** The MCP method that failed, and the HTTP answer to it when there was one; `null`: all went well. */
export type ProbeFailure = { readonly method: string; readonly answer: RawAnswer | null } | null;

/** `initialize` and `tools/list` at an MCP server with a bearer token. Ends in bounded time, never rejects. */
export type ProbeMcp = (url: string, token: string) => Promise<ProbeFailure>;

export type Verdict = Pick<CredentialValidation, 'status' | 'has_refresh_token' | 'mcp_probe' | 'refresh'>;

/** Keeps rotated secrets; called before a new token is used, so that none is lost. */
export type SaveRotated = (rotated: {
  readonly auth: Credential['auth'];
  readonly sealed: StoredCredential['sealed'];
}) => Promise<void>;

/** Tries a stored `mcp_oauth` credential. One at a time for each credential: who comes meanwhile shares it. */
export type ValidateCredential = (stored: StoredCredential, save: SaveRotated) => Promise<Verdict>;
