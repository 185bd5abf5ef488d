import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Hands, SandboxRecipe, ToolOutcome } from '../domain/hands.ts';
import {
  abortGraceMs,
  sandboxesLiveMax,
  sandboxesProvisioningMax,
  sandboxIdleMs,
  sandboxLimits,
  sandboxProvisionMsMax,
} from '../domain/limits.ts';
import type { Sandbox, SandboxProvider } from '../domain/sandbox.ts';
import type { Toolbox } from './toolbox.ts';
import { createToolbox } from './toolbox.ts';
import { failed } from './tools/outcome.ts';
import type { Workspaces } from './workspaces.ts';

export type HandsOptions = {
  readonly provider: SandboxProvider;
  readonly workspaces: Workspaces;
  readonly clock: Clock;
  readonly log: Log;
};

/** A sandbox that is there or on its way, and what uses it. */
type Slot = {
  readonly ready: Promise<Live>;
  busy: number;
  /** Counts uses, so that a timer set before the last one does nothing. */
  uses: number;
  gone: boolean;
};
type Live = { readonly sandbox: Sandbox; readonly toolbox: Toolbox };

/** Tools over one sandbox per session, made when needed and parked when not. */
export function createHands({ provider, workspaces, clock, log }: HandsOptions): Hands {
  const slots = new Map<string, Slot>();
  const closing = new AbortController();
  let provisioning = 0;
  const waiting: (() => void)[] = [];

  function acquire(sessionId: string): Slot {
    const known = slots.get(sessionId);
    if (known && !known.gone) return known;
    const slot: Slot = { ready: provision(sessionId), busy: 0, uses: 0, gone: false };
    slots.set(sessionId, slot);
    slot.ready.then(
      ({ sandbox }) => void sandbox.gone.then(() => drop(sessionId, slot)),
      () => drop(sessionId, slot),
    );
    makeRoom();
    return slot;
  }

  function drop(sessionId: string, slot: Slot): void {
    slot.gone = true;
    if (slots.get(sessionId) === slot) slots.delete(sessionId);
  }

  async function provision(sessionId: string): Promise<Live> {
    if (provisioning >= sandboxesProvisioningMax) await new Promise<void>((resolve) => waiting.push(resolve));
    provisioning += 1;
    try {
      const mounts = await workspaces.prepare(sessionId);
      const signal = AbortSignal.any([closing.signal, AbortSignal.timeout(sandboxProvisionMsMax)]);
      const spec = { id: sessionId, mounts, environment: {}, limits: sandboxLimits };
      const sandbox = await provider.provision(spec, signal);
      return { sandbox, toolbox: createToolbox(sandbox) };
    } finally {
      provisioning -= 1;
      waiting.shift()?.();
    }
  }

  /** Over the limit the sandbox that was idle longest goes; its workspace stays. */
  function makeRoom(): void {
    for (const [sessionId, slot] of slots) {
      if (slots.size <= sandboxesLiveMax) return;
      if (slot.busy === 0) void end(sessionId, slot);
    }
  }

  async function end(sessionId: string, slot: Slot): Promise<void> {
    drop(sessionId, slot);
    const live = await slot.ready.catch(() => null);
    await live?.sandbox.destroy();
  }

  function park(sessionId: string): void {
    const slot = slots.get(sessionId);
    if (!slot) return;
    const { uses } = slot;
    void clock.sleep(sandboxIdleMs, closing.signal).then(
      () => (slot.busy === 0 && slot.uses === uses && !slot.gone ? end(sessionId, slot) : undefined),
      () => undefined,
    );
  }

  async function execute(
    recipe: SandboxRecipe,
    ...[request, signal]: [Parameters<Hands['execute']>[1], AbortSignal]
  ) {
    const slot = acquire(recipe.sessionId);
    slot.busy += 1;
    slot.uses += 1;
    try {
      return await unlessAborted(run(slot, request, signal), signal, () => void end(recipe.sessionId, slot));
    } catch (cause) {
      log.warn('tool.failed', { sessionId: recipe.sessionId, tool: request.name, cause });
      return failed(`${request.name}: ${cause instanceof Error ? cause.message : String(cause)}`);
    } finally {
      slot.busy -= 1;
      park(recipe.sessionId);
    }
  }

  return {
    execute,
    warm({ sessionId }) {
      // Only while there is room: warming must never push out a sandbox that is in use.
      if (slots.size >= sandboxesLiveMax) return;
      acquire(sessionId);
      park(sessionId);
    },
    rest: park,
    async release(sessionId, { discard }) {
      const slot = slots.get(sessionId);
      if (slot) await end(sessionId, slot);
      if (discard) await workspaces.discard(sessionId);
    },
    async close() {
      closing.abort(new Error('the server is stopping'));
      await Promise.all([...slots].map(([sessionId, slot]) => end(sessionId, slot)));
    },
  };
}

async function run(
  slot: Slot,
  request: Parameters<Toolbox['run']>[0],
  signal: AbortSignal,
): Promise<ToolOutcome> {
  const { sandbox, toolbox } = await slot.ready;
  const died = sandbox.gone.then(() =>
    failed(`${request.name}: the sandbox ended while the tool was running`),
  );
  return await Promise.race([toolbox.run(request, signal), died]);
}

/** After an abort a tool gets a moment to end its own processes; then its sandbox goes. */
async function unlessAborted(
  call: Promise<ToolOutcome>,
  signal: AbortSignal,
  destroy: () => void,
): Promise<ToolOutcome> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<ToolOutcome>((resolve) => {
    const onAbort = () => {
      timer = setTimeout(() => {
        destroy();
        resolve(failed('aborted'));
      }, abortGraceMs);
    };
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
  });
  return await Promise.race([call, late]).finally(() => clearTimeout(timer));
}
