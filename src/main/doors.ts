import { join } from 'node:path';
import { systemClock } from '../base/clock.ts';
import { newId } from '../base/ids.ts';
import type { Log } from '../base/log.ts';
import type { RepositoryTokens } from '../domain/repositories.ts';
import type { SandboxSecrets } from '../domain/sandbox-secrets.ts';
import type { Doors } from '../hands/egress/doors.ts';
import { createDoors } from '../hands/egress/doors.ts';
import { createRecorder } from '../hands/egress/recorder.ts';
import type { Store } from '../store/open.ts';
import type { Instruments } from '../telemetry/instruments.ts';
import type { Config } from './config.ts';
import { countedRecorder } from './telemetry.ts';

export type DoorParts = {
  readonly store: Store;
  readonly config: Config;
  readonly secrets: SandboxSecrets;
  readonly instruments: Instruments;
  readonly repositoryTokens: RepositoryTokens;
  readonly log: Log;
};

/** The ways out of sandboxes. */
export function composeDoors({
  store,
  config,
  secrets,
  repositoryTokens,
  instruments,
  log,
}: DoorParts): Doors {
  const recorder = createRecorder({ records: store.egressRecords, clock: systemClock, newId, log });
  return createDoors({
    directory: join(config.dataDir, 'run', 'doors'),
    settings: config.egress,
    stateOf: (sessionId) => store.log.state(sessionId),
    configOf: store.readEnvironmentConfig,
    secrets,
    repositoryTokens,
    recorder: countedRecorder(recorder, instruments),
    clock: systemClock,
    log,
  });
}
