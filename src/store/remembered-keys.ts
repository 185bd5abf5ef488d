import type { Access, KeyAccess } from '../domain/organization.ts';
import type { Engine } from './engines/engine.ts';

const keysMax = 1_000;

export type RememberedKeys = {
  readonly access: Access;
  /** For those who change keys or workspaces: whatever they write makes everything forgotten. */
  readonly engine: Engine;
};

/**
 * API keys that came in before, for a process that has its database to itself: the first look into it after a commit
 * is the dearest one, and every request begins with it. What `engine` has written is true for the next request.
 */
export function rememberKeys(engine: Engine, access: Access): RememberedKeys {
  const known = new Map<string, KeyAccess>();
  let changes = 0;

  function forget(): void {
    changes += 1;
    known.clear();
  }

  return {
    access: {
      ...access,
      async apiKey(secretHash) {
        const remembered = known.get(secretHash);
        if (remembered) return remembered;
        const before = changes;
        const found = await access.apiKey(secretHash);
        if (known.size >= keysMax) known.clear();
        // What was read while somebody wrote may be the state before.
        if (found && before === changes) known.set(secretHash, found);
        return found;
      },
    },
    engine: {
      ...engine,
      async write(work) {
        try {
          return await engine.write(work);
        } finally {
          forget();
        }
      },
    },
  };
}
