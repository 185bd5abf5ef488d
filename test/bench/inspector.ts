import { setTimeout as sleep } from 'node:timers/promises';

/** The inspector of a process that runs with `--inspect`. */
export type Inspector = {
  /** Collects all garbage and resolves with what is left in use on the heap, MiB. */
  collectGarbage(): Promise<number>;
  close(): void;
};

export async function openInspector(port: number): Promise<Inspector> {
  const response = await fetch(`http://127.0.0.1:${port}/json/list`);
  const [target] = (await response.json()) as { webSocketDebuggerUrl: string }[];
  const socket = new WebSocket(target?.webSocketDebuggerUrl ?? '');
  await new Promise((resolve) => socket.addEventListener('open', resolve, { once: true }));
  let calls = 0;
  // One call at a time: the next message is its answer.
  const call = async (method: string) => {
    const answer = new Promise<MessageEvent>((resolve) =>
      socket.addEventListener('message', resolve, { once: true }),
    );
    calls += 1;
    socket.send(JSON.stringify({ id: calls, method }));
    return JSON.parse(String((await answer).data)).result as Record<string, number>;
  };
  return {
    async collectGarbage() {
      // What was let go of a moment ago may still be on its way out.
      await sleep(2_000);
      await call('HeapProfiler.collectGarbage');
      await sleep(2_000);
      await call('HeapProfiler.collectGarbage');
      return ((await call('Runtime.getHeapUsage'))['usedSize'] ?? 0) / 1024 / 1024;
    },
    close: () => socket.close(),
  };
}
