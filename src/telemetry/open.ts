/** What has begun and not ended, by id. What ends elsewhere never ends here: beyond `max` the oldest is forgotten. */
export type Open<T> = {
  put(id: string, value: T): void;
  take(id: string): T | undefined;
  get(id: string): T | undefined;
};

export function createOpen<T>(max: number, forget: (value: T) => void = () => {}): Open<T> {
  const values = new Map<string, T>();
  return {
    get: (id) => values.get(id),
    put(id, value) {
      values.delete(id);
      values.set(id, value);
      const [oldest] = values;
      if (values.size <= max || !oldest) return;
      values.delete(oldest[0]);
      forget(oldest[1]);
    },
    take(id) {
      const value = values.get(id);
      values.delete(id);
      return value;
    },
  };
}
