import type { ResourceId, SessionId } from '../base/ids.ts';
import type { SessionErrorObject } from '../protocol/session-errors.ts';
import type { SessionResource } from '../protocol/session-resources.ts';
import { repositoryUrlOf } from '../protocol/session-resources.ts';
import type { SkillIntroduction } from './skill-front-matter.ts';
import type { UrlPlace } from './url-places.ts';

/** Repositories of sessions: cloned from outside, worked in inside (spec/sessions.md, Resources). */

export type Repository = Extract<SessionResource, { type: 'github_repository' }>;

export function repositoriesOf(resources: readonly SessionResource[]): readonly Repository[] {
  return resources.filter((resource) => resource.type === 'github_repository');
}

/** A skill that a repository brings along, in the directory of the sandbox that is `path`. */
export type RepositorySkill = SkillIntroduction & { readonly path: string };

/** What is known of a repository that was cloned. */
export type ClonedRepository = { readonly skills: readonly RepositorySkill[] };

/** Whose repositories: a session, and all that it has. */
export type RepositoryHolder = {
  readonly sessionId: SessionId;
  readonly resources: readonly SessionResource[];
};

/**
 * Brings repositories to their places in the workspaces of sessions, once each: what is there belongs to the agent
 * from then on. What failed is told, and tried again the next time.
 */
export interface Repositories {
  /** Starts in the background; what comes of it is for the next `bring`. */
  warm(holder: RepositoryHolder): void;
  /** Resolves when nothing is left to try, with what failed. Never rejects. */
  bring(holder: RepositoryHolder): Promise<readonly SessionErrorObject[]>;
  /** Those that are in their places, by resource. */
  cloned(sessionId: SessionId): Promise<ReadonlyMap<ResourceId, ClonedRepository>>;
  /** The session is over: resolves when nothing of it is under way any more. */
  release(sessionId: SessionId): Promise<void>;
}

/** The tokens that clients gave for repositories. Looked up anew each time: a new one is heard at once. */
export interface RepositoryTokens {
  tokenOf(sessionId: SessionId, resourceId: ResourceId): Promise<string | null>;
  /** What stands for the token inside of a sandbox. */
  placeholderOf(sessionId: SessionId, resourceId: ResourceId): string;
}

/** As it is sealed; null: there is none. */
export type ReadRepositoryToken = (sessionId: SessionId, resourceId: ResourceId) => Promise<string | null>;

/** Any user name goes with a token. */
export const repositoryUser = 'x-access-token';

/** Where requests to a repository go. */
export function repositoryPlace(url: string): UrlPlace {
  const parts = repositoryUrlOf(url);
  // Checked when the session was created.
  if (parts === null) throw new Error(`${url} is no repository`);
  const { hostname, port } = new URL(url);
  return { host: hostname, port: port === '' ? 443 : Number(port), paths: [parts.path, `${parts.path}.git`] };
}

type ErrorType = Extract<SessionErrorObject, { repository_url: unknown }>['type'];

/** Why a repository is not there. `message` is a sentence without its full stop, for clients. */
export class RepositoryProblem extends Error {
  readonly type: ErrorType;
  constructor(type: ErrorType, message: string) {
    super(message);
    this.type = type;
  }
}

export function repositoryError(url: string, { type, message }: RepositoryProblem): SessionErrorObject {
  const tried = type === 'repository_checkout_error' ? 'check out' : 'clone';
  return {
    type,
    repository_url: url,
    message: `Could not ${tried} ${url}: ${message}.`,
    retry_status: { type: 'retrying' },
  };
}

/** What a repository's server says before anything is fetched; `null`: nothing stands against it. */
export function statusProblem(status: number, hasToken: boolean): RepositoryProblem | null {
  const problem = (kind: 'authentication' | 'forbidden' | 'not_found' | 'clone', message: string) =>
    new RepositoryProblem(`repository_${kind}_error`, message);
  if (status === 401)
    return problem(
      'authentication',
      hasToken ? 'its authorization_token was refused' : 'it wants an authorization_token',
    );
  if (status === 403) return problem('forbidden', 'access is forbidden');
  if (status === 404 || status === 410)
    return problem('not_found', 'it does not exist, or its authorization_token may not see it');
  return status === 200 ? null : problem('clone', `its server answered with HTTP ${status}`);
}
