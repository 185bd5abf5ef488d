import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe } from 'node:test';
import { createAuthority } from '../../src/hands/egress/certificates.ts';
import type { GitServer } from './git-server.ts';
import { startGitServer } from './git-server.ts';
import { temporaryDirectory } from './sandbox.ts';
import type { ServerHome, ServerProcess } from './server.ts';
import { serverHome } from './server.ts';
import type { Session, StreamedEvent } from './server-sessions.ts';
import { openSession, say } from './server-sessions.ts';
import { runIn } from './server-tools.ts';

export type RepositoryParams = {
  readonly type: 'github_repository';
  readonly url: string;
  readonly [more: string]: unknown;
};

/** What tests of repositories have: a git server, and a real server that may clone from it. */
export type RepositorySuite = {
  readonly home: ServerHome;
  /** Of no use before the first test, like `server`. */
  readonly git: GitServer;
  readonly server: ServerProcess;
  startAgain(): Promise<void>;
  url(path: string): string;
  repository(path: string, more?: object): RepositoryParams;
  open(...resources: RepositoryParams[]): Promise<Session>;
  /** One turn; the errors in it. */
  errorsOf(session: Session): Promise<readonly SessionError[]>;
  /** One turn with one command, and what it printed. */
  run(session: Session, command: string): Promise<string>;
};

export type SessionError = Extract<StreamedEvent, { type: 'session.error' }>['error'];

export function describeRepositories(
  name: string,
  env: () => Promise<Readonly<Record<string, string>>>,
  tests: (suite: RepositorySuite) => void,
): void {
  describe(name, () => {
    const home = serverHome();
    const place = temporaryDirectory();
    // Filled in before the first test.
    const git = {} as GitServer;
    const server = {} as ServerProcess;
    const certificate = join(place.path, 'ca.pem');
    async function startAgain(): Promise<void> {
      const wanted = { NODE_EXTRA_CA_CERTS: certificate, ANTHILL_LOG_LEVEL: 'debug', ...(await env()) };
      Object.assign(server, await home.start(wanted));
    }
    before(async () => {
      const authority = await createAuthority(Date.now());
      writeFileSync(certificate, authority.certificate);
      Object.assign(git, await startGitServer(join(place.path, 'git'), authority));
      mkdirSync(home.dataDir, { recursive: true, mode: 0o700 });
      const settings = [
        'sandbox_network: {hosts: {git.test: 127.0.0.1}}',
        `repositories: {hosts: ['git.test:${git.port}']}`,
      ];
      writeFileSync(join(home.dataDir, 'anthill.yaml'), settings.join('\n'));
      await startAgain();
    });
    after(async () => {
      await home.remove();
      git.close();
      place[Symbol.dispose]();
    });

    const url = (path: string) => `https://git.test:${git.port}${path}`;
    tests({
      home,
      git,
      server,
      startAgain,
      url,
      repository: (path, more = {}) => ({ type: 'github_repository', url: url(path), ...more }),
      open: (...resources) => openSession(server.client, {}, { resources }),
      errorsOf: async ({ id }) => errorsIn(await say(server.client, id, 'hello')),
      run: ({ id }, command) => runIn(server.client, id, command),
    });
  });
}

export function errorsIn(events: readonly StreamedEvent[]): readonly SessionError[] {
  return events.flatMap((event) => (event.type === 'session.error' ? [event.error] : []));
}
