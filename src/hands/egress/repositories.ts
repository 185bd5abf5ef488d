import type { RepositoryTokens } from '../../domain/repositories.ts';
import { repositoriesOf, repositoryPlace, repositoryUser } from '../../domain/repositories.ts';
import type { Injection } from '../../domain/sandbox-secrets.ts';
import type { SessionState } from '../../domain/session/state.ts';
import type { UrlPlace } from '../../domain/url-places.ts';

/** What the repositories of a session mean for its door. */
export type SessionRepositories = {
  readonly hosts: readonly string[];
  readonly placesOf: (host: string) => readonly UrlPlace[];
  /** Their tokens as of now, each for requests to its repository alone. */
  readonly injectionsFor: (host: string) => Promise<readonly Injection[]>;
  /** Tells git in the sandbox what to say when it is asked who it is; null: there are no repositories. */
  readonly gitConfig: string | null;
};

export function sessionRepositories(
  tokens: RepositoryTokens,
  { id: sessionId, resources }: Pick<SessionState, 'id' | 'resources'>,
): SessionRepositories {
  const repositories = repositoriesOf(resources).map(({ id, url }) => {
    const placeholder = tokens.placeholderOf(sessionId, id);
    return { id, url, place: repositoryPlace(url), placeholder };
  });
  const at = (host: string) => repositories.filter(({ place }) => place.host === host);

  async function injectionsFor(host: string): Promise<readonly Injection[]> {
    const injections: Injection[] = [];
    for (const { id, place, placeholder } of at(host)) {
      const secret = await tokens.tokenOf(sessionId, id);
      if (secret === null) continue;
      injections.push({ placeholder, secret, header: true, body: false, isNamed: false, place });
    }
    return injections;
  }

  return {
    hosts: [...new Set(repositories.map(({ place }) => place.host))],
    placesOf: (host) => at(host).map(({ place }) => place),
    injectionsFor,
    gitConfig: repositories.length === 0 ? null : gitConfigOf(repositories),
  };
}

type Named = { readonly url: string; readonly placeholder: string };

/** What the system of the sandbox says to git stays. Addresses with and without `.git` are one repository. */
function gitConfigOf(repositories: readonly Named[]): string {
  const sections = repositories.flatMap(({ url, placeholder }) =>
    [url, `${url}.git`].map(
      (address) =>
        `[credential "${address}"]\n\thelper =\n\thelper = ${JSON.stringify(credentialCommand(placeholder))}\n`,
    ),
  );
  return `[include]\n\tpath = /etc/gitconfig\n${sections.join('')}`;
}

/** A shell command that git asks for credentials (gitcredentials(7)). The placeholder needs no quotes. */
export function credentialCommand(placeholder: string): string {
  return `!f() { test "$1" = get && echo username=${repositoryUser} && echo password=${placeholder}; }; f`;
}
