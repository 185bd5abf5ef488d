import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Hands, SandboxRecipe, ToolOutcome } from '../domain/hands.ts';
import { abortGraceMs, sandboxesLiveMax, sandboxIdleMs } from '../domain/limits.ts';
import type { Packages } from '../domain/packages.ts';
import { noPackages } from '../domain/packages.ts';
import { mountedCall } from './mounted-call.ts';
import type { Live, OpeningParts } from './opening.ts';
import { createOpening } from './opening.ts';
import { createSettling } from './settling.ts';
import type { Toolbox } from './toolbox.ts';
import { isTooLong } from './toolbox.ts';
import { failed } from './tools/outcome.ts';

export type HandsOptions = Omit<OpeningParts, 'packages'> & {
  readonly packages?: Packages;
  readonly clock: Clock;
  readonly log: Log;
};

/** A sandbox that is there or on its way, and what uses it. */
type Slot = {
  readonly recipe: SandboxRecipe;
  readonly ready: Promise<Live>;
  /** Ends the wait for packages, which may be long. */
  readonly giveUp: () => void;
  busy: number;
  /** Counts uses, so that a timer set before the last one does nothing. */
  uses: number;
  gone: boolean;
  /** The resources that were brought to their places last. */
  mounted: SandboxRecipe['resources'] | null;
};
const unused = { busy: 0, uses: 0, gone: false, mounted: null };
type Asked = [request: Parameters<Hands['execute']>[1], signal: AbortSignal];

/** Tools over one sandbox per session, made when needed and parked when not. */
export function createHands(options: HandsOptions): Hands {
  const { workspaces, mounts, doors, snapshots, packages = noPackages, clock, log } = options;
  /** In the order of their last use. */
  const slots = new Map<string, Slot>();
  /** Sandboxes on their way out, by session: a workspace is only discarded after them. */
  const ending = new Map<string, Promise<void>>();
  const settling = createSettling(mounts, snapshots);
  const closing = new AbortController();
  const open = createOpening({ ...options, packages }, closing.signal);

  function acquire(recipe: SandboxRecipe): Slot {
    const { sessionId } = recipe;
    const known = slots.get(sessionId);
    if (known && !known.gone) return known;
    const given = new AbortController();
    const slot: Slot = {
      recipe,
      ready: open(recipe, given.signal),
      giveUp: () => given.abort(new Error('the sandbox is no longer wanted')),
      ...unused,
    };
    slots.set(sessionId, slot);
    slot.ready.then(
      ({ sandbox }) => void sandbox.gone.then(() => drop(sessionId, slot)),
      () => drop(sessionId, slot),
    );
    return slot;
  }

  /** A slot that is in use: it is not parked, nor does it make room for another. */
  function use(recipe: SandboxRecipe): Slot {
    const slot = acquire(recipe);
    const { sessionId } = recipe;
    slot.busy += 1;
    slot.uses += 1;
    slots.delete(sessionId);
    slots.set(sessionId, slot);
    makeRoom();
    return slot;
  }

  function leave(sessionId: string, slot: Slot): void {
    slot.busy -= 1;
    park(sessionId);
    makeRoom();
  }

  function drop(sessionId: string, slot: Slot): void {
    slot.gone = true;
    if (slots.get(sessionId) === slot) slots.delete(sessionId);
  }

  /** Over the limit the sandbox that was idle longest goes; its workspace stays. */
  function makeRoom(): void {
    for (const [sessionId, slot] of slots) {
      if (slots.size <= sandboxesLiveMax) return;
      if (slot.busy === 0) void end(sessionId, slot);
    }
  }

  function end(sessionId: string, slot: Slot): Promise<void> {
    drop(sessionId, slot);
    slot.giveUp();
    const before = ending.get(sessionId);
    const destroyed = Promise.all([before, slot.ready.then(({ sandbox }) => sandbox.destroy())]);
    const ended = destroyed.then(() => settling.end(slot.recipe)).catch(() => undefined);
    ending.set(sessionId, ended);
    return ended.finally(() => {
      if (ending.get(sessionId) === ended) ending.delete(sessionId);
    });
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

  async function execute(recipe: SandboxRecipe, ...[request, signal]: Asked): Promise<ToolOutcome> {
    const slot = use(recipe);
    settling.touch(recipe.sessionId);
    try {
      const outcome = await mountedCall({ workspaces, mounts, log }, { slot, recipe, signal }, (bring) => {
        // What is brought belongs to the user of the sandbox, who is known once it is there.
        const call = slot.ready.then(bring).then(() => run(slot, request, signal));
        return unlessAborted(call, signal, () => void end(recipe.sessionId, slot));
      });
      return signal.aborted ? outcome : withProblem(outcome, await slot.ready);
    } catch (cause) {
      log.warn('tool.failed', { sessionId: recipe.sessionId, tool: request.name, cause });
      return failed(`${request.name}: ${messageOf(cause)}`);
    } finally {
      leave(recipe.sessionId, slot);
    }
  }

  return {
    execute,
    async spill(recipe, request, outcome) {
      if (!isTooLong(outcome)) return outcome;
      const slot = use(recipe);
      try {
        return await (await slot.ready).toolbox.spill(request, outcome);
      } catch (cause) {
        return failed(`${request.name}: its long output could not be kept: ${messageOf(cause)}`);
      } finally {
        leave(recipe.sessionId, slot);
      }
    },
    warm(recipe) {
      // Only while there is room: warming must never push out a sandbox that is in use.
      if (slots.size >= sandboxesLiveMax) return;
      acquire(recipe);
      park(recipe.sessionId);
    },
    settle: (recipe) => settling.settle(recipe, slots.has(recipe.sessionId)),
    rest(sessionId) {
      settling.rest(sessionId);
      park(sessionId);
    },
    async release(sessionId, { discard }) {
      const slot = slots.get(sessionId);
      if (slot) void end(sessionId, slot);
      await ending.get(sessionId);
      await mounts.idle(sessionId);
      settling.forget(sessionId);
      if (discard) await discardWorkspace({ workspaces, log }, sessionId);
    },
    async close() {
      closing.abort(new Error('the server is stopping'));
      for (const [sessionId, slot] of slots) void end(sessionId, slot);
      await Promise.all(ending.values());
      await packages.close().then(doors.close);
    },
  };
}

async function discardWorkspace(
  { workspaces, log }: Pick<HandsOptions, 'workspaces' | 'log'>,
  sessionId: string,
): Promise<void> {
  await workspaces
    .discard(sessionId)
    .catch((cause: unknown) => log.error('workspace.discard_failed', { sessionId, cause }));
}

/** The first call of a sandbox tells of what is missing in it. */
function withProblem(outcome: ToolOutcome, live: Live): ToolOutcome {
  const { problem } = live;
  live.problem = null;
  return problem === null ? outcome : { ...outcome, errors: [problem] };
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

async function run(
  slot: Slot,
  request: Parameters<Toolbox['run']>[0],
  signal: AbortSignal,
): Promise<ToolOutcome> {
  const { sandbox, toolbox, disk } = await slot.ready;
  const died = sandbox.gone.then(() =>
    failed(`${request.name}: the sandbox ended while the tool was running`),
  );
  if (signal.aborted) return failed(`${request.name}: aborted`);
  const called = disk.guard(request, () => toolbox.run(request, signal));
  return await Promise.race([called, died]);
}

/** After an abort a tool gets a moment to end its own processes; then its sandbox goes. */
async function unlessAborted(
  call: Promise<ToolOutcome>,
  signal: AbortSignal,
  destroy: () => void,
): Promise<ToolOutcome> {
  let timer: NodeJS.Timeout | undefined;
  let onAbort = () => {};
  const late = new Promise<ToolOutcome>((resolve) => {
    onAbort = () => {
      timer = setTimeout(() => {
        destroy();
        resolve(failed('aborted'));
      }, abortGraceMs);
    };
  });
  if (signal.aborted) onAbort();
  else signal.addEventListener('abort', onAbort, { once: true });
  return await Promise.race([call, late]).finally(() => {
    // The signal outlives the call: its end must not be taken for an abort of this one.
    signal.removeEventListener('abort', onAbort);
    clearTimeout(timer);
  });
}
