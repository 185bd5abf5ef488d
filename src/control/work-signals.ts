/** Who polls for work hears of it at once, if it came through this process. */
export type WorkSignals = {
  /** Something was queued, perhaps. */
  notify(environmentId: string): void;
  /** Resolves when that happens, or after `ms`. */
  wait(environmentId: string, ms: number): Promise<void>;
};

export function createWorkSignals(): WorkSignals {
  const waiting = new Map<string, Set<() => void>>();
  return {
    notify(environmentId) {
      for (const wake of waiting.get(environmentId) ?? []) wake();
    },
    wait(environmentId, ms) {
      const sleepers = waiting.get(environmentId) ?? new Set<() => void>();
      waiting.set(environmentId, sleepers);
      return new Promise((resolve) => {
        const wake = () => {
          clearTimeout(timer);
          sleepers.delete(wake);
          if (sleepers.size === 0) waiting.delete(environmentId);
          resolve();
        };
        const timer = setTimeout(wake, ms);
        sleepers.add(wake);
      });
    },
  };
}
