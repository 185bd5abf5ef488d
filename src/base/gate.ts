/** Lets so many run at once; the others wait in order. */
export function createGate(atOnceMax: number): <T>(work: () => Promise<T>) => Promise<T> {
  let free = atOnceMax;
  const waiting: (() => void)[] = [];
  return async (work) => {
    if (free > 0) free -= 1;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await work();
    } finally {
      // Handed over, not given back: nobody can come in between.
      const next = waiting.shift();
      if (next) next();
      else free += 1;
    }
  };
}
