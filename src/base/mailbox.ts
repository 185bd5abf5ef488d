/** An in-process queue with one reader: `take` resolves with the next item, waiting if there is none. */
export type Mailbox<T> = { readonly put: (item: T) => void; readonly take: () => Promise<T> };

export function createMailbox<T>(): Mailbox<T> {
  const items: T[] = [];
  let waiting: ((item: T) => void) | null = null;
  return {
    put(item) {
      if (waiting === null) {
        items.push(item);
        return;
      }
      const deliver = waiting;
      waiting = null;
      deliver(item);
    },
    take() {
      const [first, ...rest] = items;
      if (first === undefined) return new Promise((resolve) => (waiting = resolve));
      items.splice(0, items.length, ...rest);
      return Promise.resolve(first);
    },
  };
}
