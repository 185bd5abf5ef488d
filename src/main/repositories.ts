import { join } from 'node:path';
import { systemClock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { RepositoryTokens } from '../domain/repositories.ts';
import type { SandboxProvider } from '../domain/sandbox.ts';
import { readAuthorities } from '../hands/egress/authorities.ts';
import { createDialler, createResolveName } from '../hands/egress/dial.ts';
import type { Doors } from '../hands/egress/doors.ts';
import { createMirrors } from '../hands/repositories/mirrors.ts';
import { createProbe } from '../hands/repositories/probe.ts';
import { createRepositories } from '../hands/repositories/repositories.ts';
import type { Config } from './config.ts';

export type RepositoryParts = {
  readonly config: Config;
  readonly provider: SandboxProvider;
  readonly doors: Doors;
  readonly repositoryTokens: RepositoryTokens;
  readonly log: Log;
};

/** The repositories of sessions, and what is kept of them between sessions. */
export function openRepositories({
  config,
  provider,
  doors,
  repositoryTokens: tokens,
  log,
}: RepositoryParts) {
  const dialler = createDialler(config.egress, createResolveName());
  return createRepositories({
    directory: join(config.dataDir, 'sessions'),
    provider,
    mirrors: createMirrors({
      directory: join(config.dataDir, 'repositories'),
      provider,
      doors,
      clock: systemClock,
    }),
    probe: createProbe({ dialler, trusted: readAuthorities() }),
    tokens,
    log,
  });
}
