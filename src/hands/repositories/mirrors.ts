import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import { createGate } from '../../base/gate.ts';
import type { SessionId } from '../../base/ids.ts';
import { createQueues } from '../../base/queues.ts';
import {
  repositoriesAtOnceMax,
  repositoryCacheBytesMax,
  repositoryCacheMsMax,
  repositoryFileBytesMax,
  sandboxLimits,
} from '../../domain/limits.ts';
import { RepositoryProblem, repositoryPlace } from '../../domain/repositories.ts';
import type { SandboxProvider } from '../../domain/sandbox.ts';
import type { Injection } from '../../domain/sandbox-secrets.ts';
import type { Doors } from '../egress/doors.ts';
import { credentialCommand } from '../egress/repositories.ts';
import { fetchScript, gitEnvironment, gitProblem, runScript } from './git.ts';
import type { Probed } from './probe.ts';

/** What is fetched for one session. */
export type Wanted = {
  readonly sessionId: SessionId;
  readonly url: string;
  readonly probed: Probed;
  /** A commit by its whole name, which no branch may lead to. */
  readonly commit: string | null;
  readonly placeholder: string;
  readonly token: () => Promise<string | null>;
};

/**
 * Repositories as they were fetched last, in a bare mirror for each URL, shared between sessions: `use` brings one up to
 * date and keeps others away from it while it is used, so that nobody finds there what was fetched for someone else
 * meanwhile. Who may not see a repository must not come this far.
 */
export type Mirrors = {
  use<T>(wanted: Wanted, signal: AbortSignal, work: (directory: string) => Promise<T>): Promise<T>;
};

export type MirrorsOptions = {
  readonly directory: string;
  readonly provider: SandboxProvider;
  readonly doors: Pick<Doors, 'openFor'>;
  readonly clock: Clock;
};

/** Kept beside each mirror. */
type Kept = { readonly fingerprint: string; readonly bytes: number; readonly usedAtUs: number };

const keyOf = (url: string) => createHash('sha256').update(url).digest('hex').slice(0, 32);

export function createMirrors({ directory, provider, doors, clock }: MirrorsOptions): Mirrors {
  const queues = createQueues();
  const gate = createGate(repositoriesAtOnceMax);
  const at = (key: string) => join(directory, key);
  const record = (key: string) => join(directory, `${key}.json`);
  const remove = async (key: string) => {
    await rm(record(key), { force: true });
    await rm(at(key), { recursive: true, force: true });
  };

  async function update(wanted: Wanted, signal: AbortSignal): Promise<void> {
    const key = keyOf(wanted.url);
    const kept = await readKept(record(key));
    const isFresh = kept?.fingerprint === wanted.probed.fingerprint && wanted.commit === null;
    if (isFresh) return await writeKept(record(key), { ...kept, usedAtUs: clock.nowUs() });
    // Of no use to anybody until it is whole.
    await rm(record(key), { force: true });
    await mkdir(at(key), { recursive: true, mode: 0o700 });
    const bytes = await fetch(wanted, { key, directory: at(key) }, signal);
    const { fingerprint } = wanted.probed;
    await writeKept(record(key), { fingerprint, bytes, usedAtUs: clock.nowUs() });
  }

  async function fetch(wanted: Wanted, place: Place, signal: AbortSignal): Promise<number> {
    const { host } = repositoryPlace(wanted.url);
    const { close, ...way } = await doors.openFor({
      sessionId: wanted.sessionId,
      host,
      injections: () => injectionsOf(wanted),
    });
    try {
      const sandbox = await provider.provision(
        {
          id: `mirror_${place.key}`,
          mounts: [{ host: place.directory, sandbox: '/workspace', readOnly: false }, ...way.mounts],
          environment: { ...way.environment, ...fetchEnvironment(wanted.placeholder) },
          limits: { ...sandboxLimits, fileBytesMax: repositoryFileBytesMax },
          door: way.door,
        },
        signal,
      );
      try {
        const args = [wanted.url, wanted.probed.head ?? '', wanted.commit ?? ''];
        const run = await runScript(sandbox, { script: fetchScript, args, signal });
        if (run.code !== 0) throw gitProblem(run, signal);
        return Number(run.stdout.toString()) * 1024;
      } finally {
        await sandbox.destroy();
      }
    } finally {
      await close();
    }
  }

  /** Those that were not used longest, until the rest fits. */
  async function prune(): Promise<void> {
    const names = (await readdir(directory).catch(() => [])).filter((name) => name.endsWith('.json'));
    const known = await Promise.all(
      names.map(async (name) => ({ key: name.slice(0, -5), kept: await readKept(join(directory, name)) })),
    );
    const newestFirst = known.toSorted((a, b) => (b.kept?.usedAtUs ?? 0) - (a.kept?.usedAtUs ?? 0));
    let bytes = 0;
    for (const { key, kept } of newestFirst) {
      bytes += kept?.bytes ?? 0;
      const isOld = clock.nowUs() - (kept?.usedAtUs ?? 0) > repositoryCacheMsMax * 1000;
      if (isOld || bytes > repositoryCacheBytesMax) await queues.run(key, () => remove(key));
    }
  }

  return {
    async use(wanted, signal, work) {
      const key = keyOf(wanted.url);
      const late = () => new RepositoryProblem('repository_clone_error', 'it took too long');
      try {
        return await queues.run(key, () =>
          gate(async () => {
            if (signal.aborted) throw late();
            await update(wanted, signal);
            return await work(at(key));
          }),
        );
      } catch (cause) {
        const isItsOwn = cause instanceof RepositoryProblem && cause.type === 'repository_checkout_error';
        // Broken perhaps: the next use begins anew.
        if (!isItsOwn && !signal.aborted) await queues.run(key, () => remove(key));
        throw signal.aborted ? late() : cause;
      } finally {
        await prune();
      }
    },
  };
}

type Place = { readonly key: string; readonly directory: string };

async function injectionsOf({ placeholder, token }: Wanted): Promise<readonly Injection[]> {
  const secret = await token();
  return secret === null ? [] : [{ placeholder, secret, header: true, body: false, isNamed: false }];
}

function fetchEnvironment(placeholder: string) {
  return gitEnvironment([
    ['protocol.https.allow', 'always'],
    ['http.lowSpeedLimit', '1000'],
    ['http.lowSpeedTime', '30'],
    ['credential.helper', ''],
    ['credential.helper', credentialCommand(placeholder)],
  ]);
}

async function readKept(path: string): Promise<Kept | null> {
  const text = await readFile(path, 'utf8').catch(() => 'null');
  // Only ever written below.
  return JSON.parse(text) as Kept | null;
}

async function writeKept(path: string, kept: Kept): Promise<void> {
  await writeFile(`${path}.new`, JSON.stringify(kept), { flush: true, mode: 0o600 });
  await rename(`${path}.new`, path);
}
