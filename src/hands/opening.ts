import { createGate } from '../base/gate.ts';
import type { SandboxRecipe } from '../domain/hands.ts';
import { sandboxesProvisioningMax, sandboxLimits, sandboxProvisionMsMax } from '../domain/limits.ts';
import type { PackageLayer, Packages } from '../domain/packages.ts';
import type { Sandbox, SandboxProvider } from '../domain/sandbox.ts';
import type { DiskQuota, DiskWatch } from './disk-quota.ts';
import type { Doors } from './egress/doors.ts';
import type { Mounts } from './mounts/mounts.ts';
import type { Snapshots } from './snapshots.ts';
import type { Toolbox } from './toolbox.ts';
import { createToolbox } from './toolbox.ts';
import type { Workspaces } from './workspaces.ts';

/** A sandbox with all that belongs to it. */
export type Live = {
  readonly sandbox: Sandbox;
  readonly toolbox: Toolbox;
  readonly disk: DiskWatch;
  /** What the sandbox has to do without, until a call has told of it. */
  problem: PackageLayer['problem'];
};

export type OpeningParts = {
  readonly provider: SandboxProvider;
  readonly workspaces: Workspaces;
  readonly doors: Doors;
  readonly mounts: Mounts;
  readonly packages: Packages;
  readonly snapshots: Snapshots;
  readonly disk: DiskQuota;
};

/** Brings together what a sandbox is made of, and makes it. The signal ends the wait for packages, which may be long. */
export type Opening = (recipe: SandboxRecipe, signal: AbortSignal) => Promise<Live>;

export function createOpening(parts: OpeningParts, closing: AbortSignal): Opening {
  const { provider, workspaces, doors, mounts, packages, snapshots, disk } = parts;
  const provisioning = createGate(sandboxesProvisioningMax);

  async function provision(recipe: SandboxRecipe, layer: PackageLayer): Promise<Live> {
    closing.throwIfAborted();
    const { sessionId } = recipe;
    await snapshots.restore(sessionId);
    const places = [...(await workspaces.prepare(sessionId)), ...(await mounts.prepare(recipe))];
    const signal = AbortSignal.any([closing, AbortSignal.timeout(sandboxProvisionMsMax)]);
    const { close, ...way } = await doors.open(sessionId);
    const spec = {
      id: sessionId,
      limits: sandboxLimits,
      ...way,
      mounts: [...places, ...layer.mounts, ...way.mounts],
      environment: { ...layer.environment, ...way.environment },
      ...(layer.system ? { system: layer.system } : {}),
    };
    const sandbox = await provider.provision(spec, signal).catch(async (cause: unknown) => {
      await close();
      throw cause;
    });
    void sandbox.gone.then(close);
    const toolbox = createToolbox(sandbox);
    return { sandbox, toolbox, disk: disk.watch(sandbox, spec), problem: layer.problem };
  }

  return async (recipe, signal) => {
    const wanted = AbortSignal.any([closing, signal]);
    // Not in the place of a sandbox that can be made at once.
    const layer = await packages.layerFor(recipe.environmentId, wanted);
    try {
      const live = await provisioning(() => provision(recipe, layer));
      void live.sandbox.gone.then(layer.release);
      return live;
    } catch (cause) {
      layer.release();
      throw cause;
    }
  };
}
