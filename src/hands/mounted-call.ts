import type { Log } from '../base/log.ts';
import type { SandboxRecipe, ToolOutcome } from '../domain/hands.ts';
import { collectAfterAbortMs, notesPerCallMax } from '../domain/limits.ts';
import type { Mounts } from './mounts/mounts.ts';
import type { Workspaces } from './workspaces.ts';

type Parts = { readonly workspaces: Workspaces; readonly mounts: Mounts; readonly log: Log };

type MountedCall = {
  /** The resources that were brought to their places last. */
  readonly slot: { mounted: SandboxRecipe['resources'] | null };
  readonly recipe: SandboxRecipe;
  readonly signal: AbortSignal;
};

/**
 * A call before which everything is brought to its place, by `bring`, and after which what it made is taken over.
 * What is not kept is an error of the call that made it; what was made before is only told.
 */
export async function mountedCall(
  parts: Parts,
  { slot, recipe, signal }: MountedCall,
  run: (bring: () => Promise<void>) => Promise<ToolOutcome>,
): Promise<ToolOutcome> {
  let before: readonly string[] = [];
  const outcome = await run(async () => {
    before = await parts.mounts.bring(recipe);
    await placeFiles(parts, slot, recipe);
  });
  const collected = parts.mounts.collect(recipe);
  // Whoever aborts does not wait for long; the rest happens meanwhile.
  const notes = signal.aborted ? await withinMs(collected, collectAfterAbortMs) : await collected;
  return noted(outcome, before, notes);
}

/** A file that cannot be brought is missing, and tried again; the tools run without it. */
async function placeFiles(
  { workspaces, log }: Parts,
  slot: MountedCall['slot'],
  { sessionId, resources }: SandboxRecipe,
): Promise<void> {
  if (slot.mounted === resources) return;
  const unplaced = await workspaces.place(sessionId, resources);
  for (const { path, cause } of unplaced) log.warn('file.not_mounted', { sessionId, path, cause });
  if (unplaced.length === 0) slot.mounted = resources;
}

/** The outcome of a call with what has to be said about files behind it. */
function noted(outcome: ToolOutcome, before: readonly string[], notes: readonly string[]): ToolOutcome {
  const all = [...before, ...notes];
  if (all.length === 0) return outcome;
  const more = all.length - notesPerCallMax;
  const shown = [...all.slice(0, notesPerCallMax), ...(more > 0 ? [`and ${more} more`] : [])];
  const text = shown.map((note) => `[${note}]`).join('\n');
  return {
    content: [...outcome.content, { type: 'text', text }],
    isError: outcome.isError || notes.length > 0,
  };
}

async function withinMs(work: Promise<readonly string[]>, ms: number): Promise<readonly string[]> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<readonly string[]>((resolve) => {
    timer = setTimeout(resolve, ms, []);
  });
  return await Promise.race([work, late]).finally(() => clearTimeout(timer));
}
