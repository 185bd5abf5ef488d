import assert from 'node:assert/strict';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { after, describe, test } from 'node:test';
import type { FakeClock } from '../../test/support/clock.ts';
import { fakeClock } from '../../test/support/clock.ts';
import { bubblewrapProvider, temporaryDirectory } from '../../test/support/sandbox.ts';
import type { Answer } from '../../test/support/tools.ts';
import { answered, answerOf, refused } from '../../test/support/tools.ts';
import type { EventId } from '../base/ids.ts';
import { silentLog } from '../base/log.ts';
import { abortGraceMs, sandboxesLiveMax, sandboxesProvisioningMax, sandboxIdleMs } from '../domain/limits.ts';
import type { Sandbox, SandboxProvider } from '../domain/sandbox.ts';
import { noDiskQuota } from './disk-quota.ts';
import { noDoors } from './egress/doors.ts';
import { createHands } from './hands.ts';
import { noMounts } from './mounts/mounts.ts';
import { noSnapshots } from './snapshots.ts';
import type { Workspaces } from './workspaces.ts';
import { createWorkspaces } from './workspaces.ts';

/** A provider whose sandboxes know one tool, read, which says what it is told to. */
function fakeProvider() {
  const live = new Map<string, { end(): void }>();
  const provisioned: string[] = [];
  const behaviour = {
    provision: async (): Promise<void> => {},
    read: async (): Promise<string> => 'text',
    destroy: async (): Promise<void> => {},
  };
  const provider: SandboxProvider = {
    capabilities: () => Promise.reject(new Error('not asked for')),
    sweep: async () => 0,
    async provision({ id }) {
      provisioned.push(id);
      await behaviour.provision();
      const { promise: gone, resolve } = Promise.withResolvers<void>();
      const end = () => {
        live.delete(id);
        resolve();
      };
      live.set(id, { end });
      return fakeSandbox(gone, () => behaviour.destroy().then(end), behaviour);
    },
  };
  return { provider, live, provisioned, behaviour };
}

function fakeSandbox(
  gone: Promise<void>,
  destroy: () => Promise<void>,
  behaviour: { read(): Promise<string> },
): Sandbox {
  return {
    gone,
    destroy,
    killAll() {},
    exec: () => assert.fail('only read is called'),
    writeFile: () => assert.fail('only read is called'),
    async readFile() {
      const ended = gone.then(() => assert.fail('the sandbox is gone'));
      const bytes = Buffer.from(await Promise.race([behaviour.read(), ended]));
      return { bytes, sizeBytes: bytes.length, kind: 'file' };
    },
  };
}

type Call = (session: string, options?: { signal?: AbortSignal; command?: string }) => Promise<Answer>;

function openHands(provider: SandboxProvider, clock: FakeClock = fakeClock()) {
  const directory = temporaryDirectory();
  const discarded: string[] = [];
  const real = createWorkspaces(directory.path, () => assert.fail('no session has a file'));
  const workspaces: Workspaces = {
    ...real,
    discard(sessionId) {
      discarded.push(sessionId);
      return real.discard(sessionId);
    },
  };
  const hands = createHands({
    provider,
    workspaces,
    mounts: noMounts,
    doors: noDoors,
    snapshots: noSnapshots,
    disk: noDiskQuota,
    clock,
    log: silentLog,
  });
  const call: Call = async (sessionId, { signal = new AbortController().signal, command } = {}) => {
    const tool =
      command === undefined
        ? { name: 'read', input: { file_path: 'x' } }
        : { name: 'bash', input: { command } };
    const request = { eventId: 'sevt_1' as EventId, ...tool };
    return answerOf(
      await hands.execute({ sessionId, environmentId: 'env_1', resources: [], skills: [] }, request, signal),
    );
  };
  return {
    hands,
    call,
    directory: directory.path,
    discarded,
    warm: (sessionId: string) => hands.warm({ sessionId, environmentId: 'env_1', resources: [], skills: [] }),
    async [Symbol.asyncDispose]() {
      await hands.close();
      directory[Symbol.dispose]();
    },
  };
}

const said = answered('1\ttext');
/** Lets everything run that waits for nothing outside this process but the file system. */
const settled = async () => {
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
};
/** Taken before a test mocks it. */
const { setTimeout } = globalThis;
const until = async (done: () => boolean) => {
  for (let i = 0; i < 2_000 && !done(); i++) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.ok(done());
};
const manySessions = (count: number) => Array.from({ length: count }, (_, index) => `s${index}`);

describe('hands provision', () => {
  test('in the background, waited for only by a tool call', async () => {
    const fake = fakeProvider();
    const { promise, resolve } = Promise.withResolvers<void>();
    fake.behaviour.provision = () => promise;
    await using it = openHands(fake.provider);
    it.warm('a');
    let answer: Answer | null = null;
    const called = it.call('a').then((given) => {
      answer = given;
    });
    await until(() => fake.provisioned.length === 1);
    assert.equal(answer, null);
    resolve();
    await called;
    assert.deepEqual(answer, said);
    assert.deepEqual(fake.provisioned, ['a']);
  });

  test('one sandbox for all calls of a session', async () => {
    const fake = fakeProvider();
    await using it = openHands(fake.provider);
    const answers = await Promise.all([it.call('a'), it.call('a'), it.call('b')]);
    assert.deepEqual(answers, [said, said, said]);
    await it.call('a');
    assert.deepEqual(fake.provisioned.sort(), ['a', 'b']);
  });

  test('a few at a time', async () => {
    const fake = fakeProvider();
    let [now, most] = [0, 0];
    fake.behaviour.provision = async () => {
      most = Math.max(most, ++now);
      await until(() => most === sandboxesProvisioningMax);
      await settled();
      now -= 1;
    };
    await using it = openHands(fake.provider);
    await Promise.all(manySessions(20).map((session) => it.call(session)));
    assert.equal(most, sandboxesProvisioningMax);
    assert.equal(fake.provisioned.length, 20);
  });

  test('again after a failure, which was the answer to the call', async () => {
    const fake = fakeProvider();
    fake.behaviour.provision = () => Promise.reject(new Error('no room'));
    await using it = openHands(fake.provider);
    it.warm('a');
    await until(() => fake.provisioned.length === 1);
    assert.deepEqual(await it.call('a'), refused('read: no room'));
    fake.behaviour.provision = async () => {};
    assert.deepEqual(await it.call('a'), said);
  });

  test('nothing to warm up once the limit is reached', async () => {
    const fake = fakeProvider();
    await using it = openHands(fake.provider);
    await Promise.all(manySessions(sandboxesLiveMax).map((session) => it.call(session)));
    it.warm('one more');
    await settled();
    assert.equal(fake.provisioned.length, sandboxesLiveMax);
  });

  test('nothing after close', async () => {
    const fake = fakeProvider();
    const it = openHands(fake.provider);
    await it.call('a');
    await it[Symbol.asyncDispose]();
    assert.equal(fake.live.size, 0);
    assert.deepEqual(await it.call('a'), refused('read: the server is stopping'));
    assert.deepEqual(fake.provisioned, ['a']);
  });
});

describe('hands make room', () => {
  test('by ending the sandbox unused for longest', async () => {
    const fake = fakeProvider();
    await using it = openHands(fake.provider);
    for (const session of manySessions(sandboxesLiveMax)) await it.call(session);
    await it.call('s0');
    await it.call('one more');
    await until(() => fake.live.size === sandboxesLiveMax);
    assert.deepEqual([fake.live.has('s0'), fake.live.has('s1')], [true, false]);
  });

  test('never at the cost of a call, also when all are busy, and as soon as one is not', async () => {
    const fake = fakeProvider();
    const { promise, resolve } = Promise.withResolvers<string>();
    fake.behaviour.read = () => promise;
    await using it = openHands(fake.provider);
    const calls = manySessions(sandboxesLiveMax + 3).map((session) => it.call(session));
    await until(() => fake.live.size === sandboxesLiveMax + 3);
    resolve('text');
    for (const answer of await Promise.all(calls)) assert.deepEqual(answer, said);
    await until(() => fake.live.size === sandboxesLiveMax);
  });
});

describe('hands park', () => {
  test('a sandbox that was warmed up and not used for a minute', async () => {
    const [fake, clock] = [fakeProvider(), fakeClock()];
    await using it = openHands(fake.provider, clock);
    it.warm('a');
    await until(() => fake.live.size === 1);
    clock.advance(sandboxIdleMs - 1);
    await settled();
    assert.equal(fake.live.size, 1);
    clock.advance(1);
    await until(() => fake.live.size === 0);
  });

  test('a minute after the last use, not after one before', async () => {
    const [fake, clock] = [fakeProvider(), fakeClock()];
    await using it = openHands(fake.provider, clock);
    await it.call('a');
    clock.advance(sandboxIdleMs - 1);
    await it.call('a');
    clock.advance(1);
    await settled();
    assert.equal(fake.live.size, 1);
    clock.advance(sandboxIdleMs);
    await until(() => fake.live.size === 0);
  });

  test('none in which a tool runs', async () => {
    const [fake, clock] = [fakeProvider(), fakeClock()];
    const { promise, resolve } = Promise.withResolvers<string>();
    await using it = openHands(fake.provider, clock);
    await it.call('a');
    fake.behaviour.read = () => promise;
    const running = it.call('a');
    it.hands.rest('a');
    clock.advance(2 * sandboxIdleMs);
    await settled();
    resolve('text');
    assert.deepEqual(await running, said);
    assert.equal(fake.live.size, 1);
  });
});

describe('hands and aborts', () => {
  const mockTime = (context: TestContext) => context.mock.timers.enable({ apis: ['setTimeout'] });

  test('an abort after a call is none of its business', async (context) => {
    mockTime(context);
    const fake = fakeProvider();
    await using it = openHands(fake.provider);
    const aborted = new AbortController();
    await it.call('a', { signal: aborted.signal });
    aborted.abort();
    context.mock.timers.tick(10 * abortGraceMs);
    await settled();
    assert.equal(fake.live.size, 1);
  });

  test('a call that does not end after an abort loses its sandbox', async (context) => {
    mockTime(context);
    const fake = fakeProvider();
    fake.behaviour.read = () => new Promise(() => {});
    await using it = openHands(fake.provider);
    const aborted = new AbortController();
    const calling = it.call('a', { signal: aborted.signal });
    await until(() => fake.live.size === 1);
    aborted.abort();
    context.mock.timers.tick(abortGraceMs);
    assert.deepEqual(await calling, refused('aborted'));
    await until(() => fake.live.size === 0);
  });

  test('a call aborted while it waits for its sandbox never runs', async () => {
    const fake = fakeProvider();
    const { promise, resolve } = Promise.withResolvers<void>();
    fake.behaviour.provision = () => promise;
    let wasRun = false;
    fake.behaviour.read = async () => {
      wasRun = true;
      return 'text';
    };
    await using it = openHands(fake.provider);
    const aborted = new AbortController();
    const calling = it.call('a', { signal: aborted.signal });
    await until(() => fake.provisioned.length === 1);
    aborted.abort();
    resolve();
    assert.deepEqual(await calling, refused('read: aborted'));
    assert.equal(wasRun, false);
  });
});

describe('hands and ends', () => {
  test('a sandbox that dies under a call is a failed call; the next gets another', async () => {
    const fake = fakeProvider();
    fake.behaviour.read = () => new Promise(() => {});
    await using it = openHands(fake.provider);
    const calling = it.call('a');
    await until(() => fake.live.size === 1);
    fake.live.get('a')?.end();
    assert.deepEqual(await calling, refused('read: the sandbox ended while the tool was running'));
    fake.behaviour.read = async () => 'text';
    assert.deepEqual(await it.call('a'), said);
    assert.deepEqual(fake.provisioned, ['a', 'a']);
  });

  test('a workspace is discarded after its sandbox, also one that was already ending', async () => {
    const [fake, clock] = [fakeProvider(), fakeClock()];
    const { promise, resolve } = Promise.withResolvers<void>();
    fake.behaviour.destroy = () => promise;
    await using it = openHands(fake.provider, clock);
    await it.call('a');
    clock.advance(sandboxIdleMs);
    await settled();
    const released = it.hands.release('a', { discard: true });
    await settled();
    assert.deepEqual(it.discarded, []);
    resolve();
    await released;
    assert.ok(!existsSync(join(it.directory, 'a')));
    assert.equal(fake.live.size, 0);
  });

  test('releasing keeps the workspace unless it is to be discarded', async () => {
    const fake = fakeProvider();
    await using it = openHands(fake.provider);
    await it.call('a');
    await it.hands.release('a', { discard: false });
    assert.deepEqual([fake.live.size, existsSync(join(it.directory, 'a'))], [0, true]);
    await it.hands.release('a', { discard: true });
    assert.ok(!existsSync(join(it.directory, 'a')));
    await it.hands.release('unknown', { discard: true });
  });
});

describe('hands with real sandboxes', () => {
  const data = temporaryDirectory();
  const provider = bubblewrapProvider(data.path);
  after(() => data[Symbol.dispose]());

  test('the files of a session outlive its sandbox, its processes do not', async () => {
    const clock = fakeClock();
    await using it = openHands(provider, clock);
    await it.call('a', {
      command:
        'cd /tmp; x=5; echo kept > /workspace/kept; echo tmp > /tmp/a; echo home > ~/b; echo out > /mnt/session/outputs/out; echo gone > /run/c',
    });
    assert.deepEqual(await it.call('a', { command: 'sleep 600 & pwd' }), answered('/tmp'));
    await it.hands.release('a', { discard: false });
    const state =
      'pwd; echo "x=$x"; cat kept /tmp/a ~/b /mnt/session/outputs/out; ls /run/c 2>&1; pgrep -c sleep';
    assert.deepEqual(
      await it.call('a', { command: state }),
      refused(
        "/workspace\nx=\nkept\ntmp\nhome\nout\nls: cannot access '/run/c': No such file or directory\n0",
      ),
    );
    await it.hands.release('a', { discard: true });
    assert.deepEqual(await it.call('a', { command: 'ls' }), answered('(no output)'));
  });

  test('an abort spares the sandbox: the next call finds its files and a fresh shell', async () => {
    await using it = openHands(provider);
    const aborted = new AbortController();
    const command = 'touch /tmp/here; touch here; setsid sleep 600 & sleep 600';
    const calling = it.call('a', { command, signal: aborted.signal });
    await until(() => existsSync(join(it.directory, 'a/workspace/here')));
    aborted.abort();
    assert.deepEqual(await calling, refused('bash: aborted'));
    assert.deepEqual(await it.call('a', { command: 'pgrep -c sleep; ls /tmp' }), answered('0\nhere'));
  });

  test('one session does not see the other', async () => {
    await using it = openHands(provider);
    await it.call('a', { command: 'echo mine > secret; echo mine > /tmp/secret' });
    assert.deepEqual(
      await it.call('b', { command: 'ls -A /workspace /tmp' }),
      answered('/tmp:\n\n/workspace:'),
    );
  });

  test('a launch that fails is told to the model in the words of the launch', async () => {
    await using it = openHands(provider);
    mkdirSync(join(it.directory, 'a'), { recursive: true });
    writeFileSync(join(it.directory, 'a/workspace'), 'not a directory');
    const { text, isError } = await it.call('a', { command: 'true' });
    assert.match(text ?? '', /^bash: .*(EEXIST|not a directory)/i);
    assert.equal(isError, true);
  });
});
