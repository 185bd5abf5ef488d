import type { Clock } from '../../src/base/clock.ts';

/** A clock that moves only when told. `advance` lets every sleeper that is due wake first. */
export type FakeClock = Clock & { advance(ms: number): void };

export function fakeClock(startUs = 1_790_000_000_000_000): FakeClock {
  let nowUs = startUs;
  const sleepers = new Set<{ dueUs: number; wake: () => void }>();
  return {
    nowUs: () => nowUs,
    sleep(ms, signal) {
      return new Promise((resolve, reject) => {
        const sleeper = { dueUs: nowUs + ms * 1000, wake: resolve };
        sleepers.add(sleeper);
        signal?.addEventListener('abort', () => {
          sleepers.delete(sleeper);
          reject(signal.reason);
        });
      });
    },
    advance(ms) {
      nowUs += ms * 1000;
      for (const sleeper of sleepers) {
        if (sleeper.dueUs > nowUs) continue;
        sleepers.delete(sleeper);
        sleeper.wake();
      }
    },
  };
}
