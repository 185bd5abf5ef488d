import type { NewId } from '../base/ids.ts';
import type { Log } from '../base/log.ts';
import { internalError, wireError } from '../protocol/errors.ts';
import { Refusal } from '../protocol/refusal.ts';

export type AnswerDeps = {
  readonly organizationId: string;
  readonly newId: NewId;
  readonly log: Log;
};

type Reply = (request: Request, headers: Record<string, string>) => Promise<Response>;

/** What `reply` makes of a request, or the error that it refused it with. Every answer has a request id. */
export async function answer(deps: AnswerDeps, request: Request, reply: Reply): Promise<Response> {
  const requestId = deps.newId('req');
  const headers: Record<string, string> = {
    'request-id': requestId,
    'anthropic-organization-id': deps.organizationId,
  };
  try {
    return await reply(request, headers);
  } catch (cause) {
    const refusal = cause instanceof Refusal ? cause : internalError(cause);
    if (refusal.code === 'internal')
      deps.log.error('request.failed', { requestId, path: new URL(request.url).pathname, cause });
    const error = wireError(refusal, requestId);
    return json(error.status, error.body, { ...headers, ...error.headers });
  }
}

export function json(status: number, body: unknown, headers: Readonly<Record<string, string>>): Response {
  return new Response(JSON.stringify(body), {
    status,
    headers: { 'content-type': 'application/json', ...headers },
  });
}
