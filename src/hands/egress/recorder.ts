import type { Clock } from '../../base/clock.ts';
import type { NewId, SessionId } from '../../base/ids.ts';
import type { Log } from '../../base/log.ts';
import type { EgressRecord, EgressRecords } from '../../domain/egress.ts';
import type { EgressVerdict } from '../../domain/egress-policy.ts';
import { egressFlushMs, egressRecordsHeldMax } from '../../domain/limits.ts';

export type Recorder = {
  record(sessionId: SessionId, decision: EgressVerdict & { host: string; port: number }): void;
  /** Resolves when what was recorded so far is stored. */
  flush(): Promise<void>;
};

export type RecorderOptions = {
  readonly records: EgressRecords;
  readonly clock: Clock;
  readonly newId: NewId;
  readonly log: Log;
};

/** Every decision, in the log at once and in the store soon after, many in one transaction. */
export function createRecorder({ records, clock, newId, log }: RecorderOptions): Recorder {
  let held: EgressRecord[] = [];
  let lost = 0;
  let timer: NodeJS.Timeout | null = null;
  let storing: Promise<void> = Promise.resolve();

  async function store(): Promise<void> {
    const batch = held;
    held = [];
    if (lost > 0) log.error('egress.records_lost', { count: lost });
    lost = 0;
    if (batch.length === 0) return;
    await records
      .insert(batch)
      .catch((cause: unknown) => log.error('egress.records_lost', { count: batch.length, cause }));
  }

  function flush(): Promise<void> {
    if (timer) clearTimeout(timer);
    timer = null;
    storing = storing.then(store);
    return storing;
  }

  return {
    flush,
    record(sessionId, decision) {
      const level = decision.result === 'allowed' ? 'debug' : 'info';
      log[level]('egress.decided', { sessionId, ...decision });
      if (held.length >= egressRecordsHeldMax) lost += 1;
      else held.push({ id: newId('egr'), sessionId, atUs: clock.nowUs(), ...decision });
      timer ??= setTimeout(() => void flush(), egressFlushMs);
    },
  };
}
