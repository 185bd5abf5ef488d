import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { fakeClock } from '../../test/support/clock.ts';
import { bubblewrapProvider, temporaryDirectory } from '../../test/support/sandbox.ts';
import { answerOf } from '../../test/support/tools.ts';
import { silentLog } from '../base/log.ts';
import type { SessionResource } from '../protocol/session-resources.ts';
import { noDiskQuota } from './disk-quota.ts';
import { noDoors } from './egress/doors.ts';
import { createHands } from './hands.ts';
import { noMounts } from './mounts/mounts.ts';
import { noSnapshots } from './snapshots.ts';
import { createWorkspaces } from './workspaces.ts';

const at = '2026-09-21T00:00:00.000000Z';
const file = (file_id: string, path: string): SessionResource => ({
  id: `sesrsc_${file_id}`,
  type: 'file',
  file_id,
  mount_path: `/mnt/session/uploads/${path}`,
  created_at: at,
  updated_at: at,
});

describe('files in a real sandbox', () => {
  const data = temporaryDirectory();
  const provider = bubblewrapProvider(data.path);
  after(() => data[Symbol.dispose]());

  /** Contents are ids, but for those that are missing. */
  function openHands() {
    const missing = new Set<string>();
    const workspaces = createWorkspaces(join(data.path, crypto.randomUUID()), async (id, target) => {
      if (missing.has(id)) throw new Error('there is no such file');
      await writeFile(target, id);
    });
    const hands = createHands({
      provider,
      workspaces,
      mounts: noMounts,
      doors: noDoors,
      snapshots: noSnapshots,
      disk: noDiskQuota,
      clock: fakeClock(),
      log: silentLog,
    });
    const bash = async (command: string, resources: readonly SessionResource[]) => {
      const request = { eventId: 'sevt_1', name: 'bash', input: { command } };
      const recipe = { sessionId: 'sesn_1', environmentId: 'env_1', resources, skills: [] };
      const answer = answerOf(await hands.execute(recipe, request, new AbortController().signal));
      assert.equal(answer.isError, false, answer.text ?? '');
      return answer.text?.split('\n') ?? [];
    };
    const list = 'cd /mnt/session/uploads; grep -r . . | sort; echo $(cut -d" " -f22 /proc/1/stat)';
    return {
      hands,
      bash,
      missing,
      /** The files, and when the sandbox began that saw them. */
      sees: (...resources: readonly SessionResource[]) => bash(list, resources),
      [Symbol.asyncDispose]: () => hands.close(),
    };
  }

  test('are there before a call, and come and go while it lives', async () => {
    await using it = openHands();
    const [sandbox = ''] = await it.sees();
    assert.deepEqual(await it.sees(file('1', 'data.csv')), ['./data.csv:1', sandbox]);
    assert.deepEqual(await it.sees(file('1', 'data.csv'), file('2', 'a/b c/d')), [
      './a/b c/d:2',
      './data.csv:1',
      sandbox,
    ]);
    assert.deepEqual(await it.sees(file('3', 'data.csv')), ['./data.csv:3', sandbox]);
    await it.hands.release('sesn_1', { discard: false });
    const [seen, other] = await it.sees(file('3', 'data.csv'));
    assert.equal(seen, './data.csv:3');
    assert.notEqual(other, sandbox);
    assert.equal((await it.sees()).length, 1);
  });

  test('cannot be changed by an agent', async () => {
    await using it = openHands();
    const resources = [file('1', 'data.csv'), file('2', 'a/b')];
    const attempts = [
      'echo x > data.csv',
      'echo x >> a/b',
      'rm -f data.csv',
      'touch new',
      'mkdir a/c',
      'mv a c',
      'chmod u+w data.csv',
      'chown 1 data.csv',
      'ln data.csv /workspace/link',
      'mount -o remount,rw /mnt/session/uploads',
    ];
    const each = attempts.map((attempt) => `(${attempt}) 2> /dev/null && echo "${attempt}"`);
    assert.deepEqual(await it.bash(`cd /mnt/session/uploads; ${each.join('; ')}; echo tried`, resources), [
      'tried',
    ]);
    assert.deepEqual((await it.sees(...resources)).slice(0, 2), ['./a/b:2', './data.csv:1']);
  });

  test('that cannot be brought are missed by nobody else, and come when they can', async () => {
    await using it = openHands();
    const resources = [file('1', 'a'), file('2', 'b')];
    const list = 'cd /mnt/session/uploads; grep -r . . | sort';
    it.missing.add('1');
    assert.deepEqual(await it.bash(list, resources), ['./b:2']);
    it.missing.clear();
    assert.deepEqual(await it.bash(list, resources), ['./a:1', './b:2']);
  });
});
