import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { bashIn, bubblewrapProvider, specIn, temporaryDirectory } from '../../test/support/sandbox.ts';
import { systemClock } from '../base/clock.ts';
import { silentLog } from '../base/log.ts';
import type { ToolOutcome } from '../domain/hands.ts';
import type { DiskSeen, DiskWatch } from './disk-quota.ts';
import { createDiskQuota } from './disk-quota.ts';

const mebibyte = 1024 * 1024;
const quotaBytes = 32 * mebibyte;
let made = 0;

describe('a disk quota', () => {
  const directory = temporaryDirectory();
  const provider = bubblewrapProvider(join(directory.path, 'data'));
  after(() => directory[Symbol.dispose]());

  async function open(look?: () => Promise<DiskSeen>) {
    const spec = specIn(directory.path, `disk-${made++}`);
    const sandbox = await provider.provision(spec, AbortSignal.timeout(20_000));
    const quota = createDiskQuota({
      dataDir: directory.path,
      diskQuotaBytes: quotaBytes,
      clock: systemClock,
      log: silentLog,
      ...(look ? { look } : {}),
    });
    const disk = quota.watch(sandbox, spec);
    return {
      sandbox,
      bash: (script: string) => said(disk, 'bash', () => bashIn(sandbox, script)),
      tool: (name: string) => said(disk, name, async () => 'done'),
      async [Symbol.asyncDispose]() {
        await sandbox.destroy();
      },
    };
  }

  test('ends what writes more, says so, and takes no more until there is room again', async () => {
    await using it = await open();
    const fill =
      'for i in $(seq 1000); do head -c 4000000 /dev/zero > $RANDOM.$i; sleep 0.05; done; echo never';
    const { text, isError } = await it.bash(fill);
    assert.match(
      text,
      /^\[the session has \d+ MiB on disk, and its quota is 32 MiB: what was running was ended/m,
    );
    assert.equal(isError, true);
    assert.doesNotMatch(text, /never/);
    assert.match((await it.tool('write')).text, /no room on disk/);
    assert.equal((await it.tool('read')).text, 'done');
    assert.match((await it.bash('rm -f /workspace/*; echo removed')).text, /removed/);
    await until(async () => (await it.tool('write')).text === 'done');
  });

  test('counts files that were removed and are still open', async () => {
    await using it = await open();
    const hide =
      'for n in {10..19}; do eval "exec $n>f"; rm f; head -c 16000000 /dev/zero >&$n; sleep 0.2; done; sleep 20; echo never';
    const { text } = await it.bash(hide);
    assert.match(text, /its quota is 32 MiB/);
    assert.doesNotMatch(text, /never/);
    await until(async () => (await it.tool('write')).text === 'done');
  });

  test('counts what is in directories that nobody may enter', async () => {
    await using it = await open();
    const { text } = await it.bash(
      'mkdir d; for i in $(seq 10); do head -c 8000000 /dev/zero > d/$i; done; chmod 0 d; sleep 20; echo never',
    );
    assert.match(text, /its quota is 32 MiB/);
  });

  test('counts room, not length: a sparse file of a terabyte is none', async () => {
    await using it = await open();
    const { text, isError } = await it.bash('truncate -s 60M sparse; sleep 1.5; stat -c %s sparse');
    assert.deepEqual([text.trim(), isError], ['62914560', false]);
  });

  test('a disk that is nearly full ends who has most of it', async () => {
    let isTight = false;
    const look = async () => ({
      usedBytes: 0,
      freeBytes: isTight ? 0 : 100_000 * mebibyte,
      sizeBytes: 100_000 * mebibyte,
    });
    await using it = await open(look);
    const running = it.bash('head -c 4000000 /dev/zero > x; sleep 20; echo never');
    isTight = true;
    const { text } = await running;
    assert.match(text, /the disk of the server is full/);
    isTight = false;
    await until(async () => (await it.tool('write')).text === 'done');
  });
});

async function said(
  disk: DiskWatch,
  name: string,
  run: () => Promise<string>,
): Promise<{ readonly text: string; readonly isError: boolean }> {
  const request = { eventId: 'sevt_1' as const, name, input: {} };
  const { content, isError }: ToolOutcome = await disk.guard(request, async () => ({
    content: [{ type: 'text', text: await run() }],
    isError: false,
  }));
  return { text: content.map((block) => ('text' in block ? block.text : '')).join('\n'), isError };
}

/** The next look is half a second away. */
async function until(done: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    if (await done()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.fail('not in time');
}
