import type { Log } from '../base/log.ts';
import { isAdminRoute } from '../protocol/admin-routes.ts';
import { Refusal } from '../protocol/refusal.ts';
import type { Route } from '../protocol/route.ts';
import type { Session } from '../protocol/sessions.ts';
import type { Authenticate, Caller } from './auth.ts';
import type { CountRequest } from './rate-limit.ts';
import { checkWorkerScope, isForWorkersOnly } from './worker-scope.ts';

export type Admission = {
  readonly authenticate: Authenticate;
  /** Who asks, if not too often. */
  readonly admit: (asked: Asked) => Promise<Caller>;
  /** Refuses with 403, or 401, what this caller may not ask. */
  readonly allow: (asked: Asked, caller: Caller) => Promise<void>;
  /** What has been done to the organization, for its log. */
  readonly record: (asked: Asked, caller: Caller) => void;
};

export type Asked = {
  readonly key: string;
  readonly route: Route;
  readonly headers: Headers;
  readonly params: Readonly<Record<string, string>>;
};

export type AdmissionDeps = {
  readonly log: Log;
  readonly authenticate: Authenticate;
  readonly countRequest: CountRequest;
  /** `null`: no such session. */
  readonly sessionOf: (workspaceId: string, sessionId: string) => Promise<Session | null>;
};

/** What stands before every route. What a caller may reach in its workspace is for the handlers to say. */
export function createAdmission(deps: AdmissionDeps): Admission {
  const { authenticate, countRequest, sessionOf, log } = deps;
  return {
    authenticate,
    async admit(asked) {
      const caller = await authenticate(asked.headers);
      countRequest(caller.apiKeyId, asked.route);
      return caller;
    },
    async allow(asked, caller) {
      if (caller.environmentId === null) refuseMissingRights(caller, asked.route);
      else await checkWorkerScope(caller, asked, (id) => sessionOf(caller.workspaceId, id));
    },
    record({ key, route, params }, { apiKeyId }) {
      if (isAdminRoute(route) && route.method !== 'GET')
        log.info('organization.changed', { route: key, params, by: apiKeyId });
    },
  };
}

function refuseMissingRights({ isAdmin, isWorkspaceArchived, workspaceId }: Caller, route: Route): void {
  if (isAdminRoute(route) && !isAdmin)
    throw new Refusal('permission', 'This API key cannot manage the organization; use an admin key');
  if (isForWorkersOnly(route))
    throw new Refusal('permission', 'an API key cannot be used for this; use a key of the environment');
  // What was kept can be looked at and removed, by those who still get in.
  if (isWorkspaceArchived && route.method === 'POST')
    throw new Refusal('permission', `Workspace ${workspaceId} is archived and can only be read`, {
      errorCode: 'workspace_archived',
    });
}
