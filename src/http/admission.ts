import type { Log } from '../base/log.ts';
import { isAdminRoute } from '../protocol/admin-routes.ts';
import { Refusal } from '../protocol/refusal.ts';
import type { Route } from '../protocol/route.ts';
import { routes } from '../protocol/routes.ts';
import type { Authenticate, Caller } from './auth.ts';
import type { CountRequest } from './rate-limit.ts';

export type Admission = {
  readonly authenticate: Authenticate;
  /** Who asks, if they may ask this, and not too often. */
  readonly admit: (asked: Asked) => Promise<Caller>;
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
  /** The environment of a session; `null`: no such session. */
  readonly environmentOf: (workspaceId: string, sessionId: string) => Promise<string | null>;
};

/** What stands before every route. What a caller may reach in its workspace is for the handlers to say. */
export function createAdmission(deps: AdmissionDeps): Admission {
  const { authenticate, countRequest, environmentOf, log } = deps;

  async function checkEnvironmentScope(
    { workspaceId, environmentId }: Caller,
    { route, params }: Asked,
  ): Promise<void> {
    const isCalled = workerCalls.has(`${route.method} ${route.path}`);
    if (!isCalled) throw outOfScope(route);
    const { session_id: sessionId } = params;
    if (sessionId === undefined) return;
    const environment = await environmentOf(workspaceId, sessionId);
    // A session that is not there is nobody's, and its handler says so.
    if (environment === null || environment === environmentId) return;
    throw new Refusal('permission', `this environment key is for environment ${environmentId} only`);
  }

  return {
    authenticate,
    async admit(asked) {
      const caller = await authenticate(asked.headers);
      countRequest(caller.apiKeyId, asked.route);
      if (caller.environmentId !== null) await checkEnvironmentScope(caller, asked);
      else refuseMissingRights(caller, asked.route);
      return caller;
    },
    record({ key, route, params }, { apiKeyId }) {
      if (isAdminRoute(route) && route.method !== 'GET')
        log.info('organization.changed', { route: key, params, by: apiKeyId });
    },
  };
}

/** What workers call besides the work queue (spec/self-hosted-work.md, Credentials). */
const workerCalls: ReadonlySet<string> = new Set(
  [
    routes['beta.sessions retrieve'],
    routes['beta.sessions.events list'],
    routes['beta.sessions.events send'],
    routes['beta.sessions.events stream'],
    routes['skills.versions retrieve'],
    routes['beta.skills.versions download'],
  ].map(({ method, path }) => `${method} ${path}`),
);

/** Workers come near these, with other credentials or other calls: 403. Elsewhere their key is no key at all: 401. */
function outOfScope({ path }: Route): Refusal {
  const isNear = /^\/v1\/(skills|memory_stores|environments)\b/.test(path);
  const code = isNear ? 'permission' : 'authentication';
  return new Refusal(code, 'an environment key cannot be used for this');
}

function refuseMissingRights({ isAdmin, isWorkspaceArchived, workspaceId }: Caller, route: Route): void {
  if (isAdminRoute(route) && !isAdmin)
    throw new Refusal('permission', 'This API key cannot manage the organization; use an admin key');
  // What was kept can be looked at and removed, by those who still get in.
  if (isWorkspaceArchived && route.method === 'POST')
    throw new Refusal('permission', `Workspace ${workspaceId} is archived and can only be read`, {
      errorCode: 'workspace_archived',
    });
}
