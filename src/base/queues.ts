/** Work with one key follows the other, in the order in which it was asked for; other keys do not wait. */
export type Queues = {
  run<T>(key: string, work: () => Promise<T>): Promise<T>;
  /** Resolves when nothing of the key is under way. */
  idle(key: string): Promise<void>;
};

export function createQueues(): Queues {
  const last = new Map<string, Promise<void>>();
  return {
    async run(key, work) {
      const done = Promise.resolve(last.get(key)).then(work);
      const settled = done.then(
        () => undefined,
        () => undefined,
      );
      last.set(key, settled);
      try {
        return await done;
      } finally {
        if (last.get(key) === settled) last.delete(key);
      }
    },
    idle: async (key) => await last.get(key),
  };
}
