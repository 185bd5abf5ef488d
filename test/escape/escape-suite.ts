import assert from 'node:assert/strict';
import { chmodSync, copyFileSync, lstatSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Sandbox, SandboxProvider, SandboxSpec } from '../../src/domain/sandbox.ts';
import { openDoors } from '../support/egress.ts';
import { bashIn, specIn, temporaryDirectory } from '../support/sandbox.ts';
import type { Bait, Outcome } from './attempts.ts';
import { argumentsOf, compileAttempts, filesIn, layBait, outcomesIn } from './attempts.ts';

export type EscapeOptions = {
  /** What to call it. */
  readonly name: string;
  /** Of sandboxes with everything of theirs below `directory`. */
  readonly provider: (directory: string) => SandboxProvider;
  /** Path of the supervisor inside. */
  readonly init: string;
  /** With a door, without one, or both: what an attacker gained needs no second look. */
  readonly doors: readonly boolean[];
  /** Names of attempts that mean nothing here, such as what a sandbox was given on purpose. */
  readonly except?: readonly string[];
};

/** All ways out are tried in sandboxes of a provider, without a door and with one; all must be held. */
export function describeEscapes(options: EscapeOptions): void {
  const { name, provider: providerIn, init, doors, except = [] } = options;
  describe(`nobody gets out of ${name}`, () => {
    const directory = temporaryDirectory();
    const program = join(directory.path, 'attempts');
    let bait: Bait;
    let provider: SandboxProvider;
    before(async () => {
      compileAttempts(program);
      bait = await layBait(directory.path, program);
      process.env['SECRET_OF_THE_SERVER'] = 'canary';
      provider = providerIn(join(directory.path, 'data'));
    });
    after(() => {
      delete process.env['SECRET_OF_THE_SERVER'];
      bait.close();
      directory[Symbol.dispose]();
    });

    /** A session's sandbox, and all attempts in it. */
    async function tryIn(spec: SandboxSpec, hasDoor: boolean): Promise<readonly Outcome[]> {
      const [workspace, uploads] = spec.mounts.map(({ host }) => host);
      copyFileSync(program, join(workspace ?? '', 'attempts'));
      writeFileSync(join(uploads ?? '', 'file'), 'before');
      const sandbox = await provider.provision(spec, AbortSignal.timeout(20_000));
      try {
        const args = argumentsOf({
          ...bait.settings,
          scratch: '/workspace/scratch',
          supervisor: 1,
          init,
          readonly: '/mnt/session/uploads',
          readonly_file: 'file',
          privileged: '/mnt/privileged',
          freezable: '/workspace',
          has_door: hasDoor ? 1 : 0,
        });
        const outcomes = outcomesIn(await bashIn(sandbox, 'exec /workspace/attempts "$@"', args));
        await isAlive(sandbox);
        assertNothingLeft(workspace ?? '');
        return outcomes.filter(({ name: attempt }) => !except.includes(attempt));
      } finally {
        await sandbox.destroy();
      }
    }

    /** With programs that root of the host has given privileges to. */
    function specWith(id: string): SandboxSpec {
      const privileged = join(directory.path, 'host/privileged');
      const spec = specIn(directory.path, id);
      // A copy: the provider makes what is mounted the session's own.
      const mounted = join(directory.path, id, 'privileged');
      mkdirSync(mounted);
      for (const one of filesIn(privileged)) copyFileSync(one, join(mounted, one.split('/').at(-1) ?? ''));
      return {
        ...spec,
        mounts: [...spec.mounts, { host: mounted, sandbox: '/mnt/privileged', readOnly: true }],
      };
    }

    for (const hasDoor of doors) {
      test(hasDoor ? 'with a door' : 'without a network', async () => {
        const spec = specWith(hasDoor ? 'with' : 'without');
        if (!hasDoor) return assertHeld(await tryIn(spec, false));
        const all = openDoors(directory.path, { networking: { type: 'unrestricted' } });
        const { close, ...way } = await all.open('sesn_1');
        try {
          assertHeld(await tryIn({ ...spec, ...way, mounts: [...spec.mounts, ...way.mounts] }, true));
        } finally {
          await close();
          await all.close();
        }
      });
    }
  });
}

/** An attempt that gets out nowhere proves nothing: most are seen to work where nothing holds them. */
export function describeControl(): void {
  describe('the same attempts outside', () => {
    test('get out, but for those that good kernels hold everywhere', async (context) => {
      using directory = temporaryDirectory();
      const program = join(directory.path, 'attempts');
      compileAttempts(program);
      const bait = await layBait(directory.path, program);
      try {
        const outcomes = await bait.control();
        const by = (control: Outcome['control']) => outcomes.filter((outcome) => outcome.control === control);
        const proven = outcomes.filter(({ gotOut }) => gotOut).length;
        context.diagnostic(`${outcomes.length} attempts, ${proven} of them get out of nothing`);
        assert.deepEqual(
          by('anyone').filter(({ gotOut }) => !gotOut),
          [],
        );
        if (process.getuid?.() !== 0) return;
        // Kernels differ in what they have: modules, ports and devices.
        const held = by('root').filter(({ gotOut }) => !gotOut);
        assert.ok(held.length < by('root').length / 4, JSON.stringify(held, null, 1));
      } finally {
        bait.close();
      }
    });
  });
}

function assertHeld(outcomes: readonly Outcome[]): void {
  assert.deepEqual(
    outcomes.filter(({ gotOut }) => gotOut),
    [],
  );
}

async function isAlive(sandbox: Sandbox): Promise<void> {
  assert.equal((await bashIn(sandbox, 'echo alive')).trim(), 'alive', 'the supervisor still answers');
}

/** What the host would run with its own privileges. */
function assertNothingLeft(workspace: string): void {
  chmodSync(workspace, 0o700);
  const left = filesIn(workspace)
    .map((path) => lstatSync(path))
    .filter(({ mode, uid }) => (mode & 0o6000) !== 0 && uid === 0 && process.getuid?.() === 0);
  assert.deepEqual(left, []);
}
