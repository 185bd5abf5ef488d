import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { temporaryDirectory } from '../../test/support/sandbox.ts';
import type { SessionResource } from '../protocol/session-resources.ts';
import { createWorkspaces } from './workspaces.ts';

/** Files whose contents are their ids. */
const open = (path: string) => createWorkspaces(path, (id, target) => writeFile(target, id));

const file = (file_id: string, path: string): SessionResource => ({
  id: `sesrsc_${file_id}`,
  type: 'file',
  file_id,
  mount_path: `/mnt/session/uploads/${path}`,
  created_at: '2026-09-21T00:00:00.000000Z',
  updated_at: '2026-09-21T00:00:00.000000Z',
});

describe('workspaces', () => {
  test('are directories that only the server may enter, and stay what they are', async () => {
    using directory = temporaryDirectory();
    const workspaces = open(directory.path);
    const mounts = await workspaces.prepare('a');
    for (const { host } of mounts) assert.equal(statSync(host).mode & 0o777, 0o700);
    writeFileSync(join(mounts[0]?.host ?? '', 'kept'), '');
    assert.deepEqual(await workspaces.prepare('a'), mounts);
    assert.ok(existsSync(join(directory.path, 'a/workspace/kept')));
  });

  test('only uploads are read-only', async () => {
    using directory = temporaryDirectory();
    const mounts = await open(directory.path).prepare('a');
    assert.deepEqual(
      mounts.filter(({ readOnly }) => readOnly).map(({ sandbox }) => sandbox),
      ['/mnt/session/uploads'],
    );
  });

  test('have the files of the session among the uploads, one change after the other', async () => {
    using directory = temporaryDirectory();
    const workspaces = open(directory.path);
    const other: SessionResource = { type: 'memory_store', memory_store_id: 'memstore_1' };
    const steps = [[file('1', 'a')], [file('1', 'a'), other, file('2', 'b/c')], [file('3', 'b')]];
    const placed = await Promise.all(steps.map((resources) => workspaces.place('a', resources)));
    assert.deepEqual(placed, [[], [], []]);
    const uploads = join(directory.path, 'a/uploads');
    assert.deepEqual(readdirSync(uploads), ['b']);
    assert.equal(readFileSync(join(uploads, 'b'), 'utf8'), '3');
    await Promise.all([workspaces.place('a', [file('4', 'd')]), workspaces.discard('a')]);
    assert.ok(!existsSync(join(directory.path, 'a')));
  });

  test('discarding follows no link, and touches no other session', async () => {
    using directory = temporaryDirectory();
    const workspaces = open(join(directory.path, 'sessions'));
    const outside = join(directory.path, 'outside/precious');
    mkdirSync(dirname(outside));
    writeFileSync(outside, 'precious');
    const [[mine], [other]] = [await workspaces.prepare('a'), await workspaces.prepare('b')];
    symlinkSync(dirname(outside), join(mine?.host ?? '', 'link'));
    symlinkSync(other?.host ?? '', join(mine?.host ?? '', 'sibling'));
    writeFileSync(join(other?.host ?? '', 'kept'), '');
    await workspaces.discard('a');
    assert.equal(readFileSync(outside, 'utf8'), 'precious');
    assert.ok(existsSync(join(directory.path, 'sessions/b/workspace/kept')));
    assert.ok(!existsSync(join(directory.path, 'sessions/a')));
  });

  test('discarding copes with a tree deeper than any path', async () => {
    using directory = temporaryDirectory();
    const workspaces = open(directory.path);
    const [mount] = await workspaces.prepare('a');
    const dig = 'n=$(printf %0200d 0); for i in {1..40}; do mkdir $n; chmod 700 .; cd $n; done; chmod 0 .';
    execFileSync('bash', ['-c', dig], { cwd: mount?.host });
    await workspaces.discard('a');
    assert.ok(!existsSync(join(directory.path, 'a')));
  });

  test('discarding twice, or what never was, is no error', async () => {
    using directory = temporaryDirectory();
    await open(directory.path).discard('a');
  });
});
