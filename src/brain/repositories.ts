import type { SessionState } from '../domain/session/state.ts';
import type { SessionErrorObject } from '../protocol/session-errors.ts';

/**
 * Repositories that could not be brought into the sandbox. This server does not clone yet, so that is each of
 * them: the first turn of a session says so and goes on without them (spec/sessions.md, Resources).
 */
export function missingRepositories({ activity, resources }: SessionState): readonly SessionErrorObject[] {
  if (activity.runningSinceUs !== activity.firstRunningAtUs) return [];
  return resources.flatMap((resource) => {
    if (resource.type !== 'github_repository') return [];
    return {
      type: 'repository_clone_error' as const,
      repository_url: resource.url,
      message: `Could not clone ${resource.url}: repositories are not cloned by this server version.`,
      retry_status: { type: 'retrying' as const },
    };
  });
}
