import type { Model } from '../../src/domain/model.ts';
import type { Leases, SessionLog } from '../../src/domain/session/session-log.ts';

/**
 * Counts the steps of a process and ends it at a chosen one. From then on everything the process touches
 * answers as if it were gone: nothing that was awaited may go on to write.
 */
export type Fuse = {
  /** One step; false from the last one on. */
  burn(step: string): boolean;
  blow(): void;
  isBlown(): boolean;
  /** Steps burnt so far, by name. */
  readonly steps: readonly string[];
  onBlown(listen: () => void): void;
};

export class Crashed extends Error {}

/** `at`: the step at which it blows, counted from 1; infinity never. */
export function createFuse(at: number): Fuse {
  const steps: string[] = [];
  const listeners: (() => void)[] = [];
  let blown = false;

  function blow(): void {
    blown = true;
    for (const listen of listeners) listen();
  }

  return {
    burn(step) {
      if (blown) return false;
      steps.push(step);
      if (steps.length >= at) blow();
      return !blown;
    },
    blow,
    isBlown: () => blown,
    steps,
    onBlown: (listen) => listeners.push(listen),
  };
}

/** A log whose process can die before a commit, and after it but before anyone heard of it. */
export function fusedLog(log: SessionLog, fuse: Fuse): SessionLog {
  return {
    ...log,
    async commit(id, decide, lease) {
      if (!fuse.burn('before a commit')) throw new Crashed();
      const result = await log.commit(id, decide, lease);
      if (!fuse.burn('after a commit')) throw new Crashed();
      return result;
    },
  };
}

export function fusedModel(model: Model, fuse: Fuse): Model {
  return {
    async request(request, onDelta, signal) {
      if (!fuse.burn('before a model request')) throw new Crashed();
      const reply = await model.request(request, onDelta, signal);
      if (!fuse.burn('after a model reply')) throw new Crashed();
      return reply;
    },
  };
}

export function fusedLeases(leases: Leases, fuse: Fuse): Leases {
  return {
    async claim(owner, ttlMs) {
      const lease = fuse.isBlown() ? null : await leases.claim(owner, ttlMs);
      return lease && fuse.burn('after a claim') ? lease : null;
    },
    extend: (lease, ttlMs) => (fuse.isBlown() ? Promise.resolve(false) : leases.extend(lease, ttlMs)),
    async release(lease) {
      if (!fuse.isBlown()) await leases.release(lease);
    },
    nextWakeUs: () => (fuse.isBlown() ? Promise.resolve(null) : leases.nextWakeUs()),
    waitingFor: (owner) => leases.waitingFor(owner),
    leave: (sessionId, owner) => leases.leave(sessionId, owner),
    voidAll: () => leases.voidAll(),
  };
}
