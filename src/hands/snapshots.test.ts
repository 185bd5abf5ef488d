import assert from 'node:assert/strict';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fakeClock } from '../../test/support/clock.ts';
import { silentLog } from '../base/log.ts';
import type { Blobs } from '../domain/blobs.ts';
import type { SessionSnapshot, SessionSnapshots } from '../domain/session-snapshots.ts';
import { createSnapshots } from './snapshots.ts';

/** What servers have in common, in memory. */
type Common = {
  blobs: Blobs;
  snapshots: SessionSnapshots;
  newest(): SessionSnapshot | null;
  /** All content is gone. */
  lose(): void;
};

function commonStore(): Common {
  const contents = new Map<string, Buffer>();
  let newest: SessionSnapshot | null = null;
  return {
    newest: () => newest,
    lose: () => contents.clear(),
    blobs: {
      async stage(content) {
        const chunks: Uint8Array[] = [];
        for await (const chunk of content) chunks.push(chunk);
        const sha256 = `content ${contents.size}`;
        contents.set(sha256, Buffer.concat(chunks));
        return { sha256, token: sha256, bytes: Buffer.concat(chunks).byteLength };
      },
      async discard() {},
      async share() {},
      async *read(sha256) {
        const content = contents.get(sha256);
        if (!content) throw new Error('missing');
        yield content;
      },
    },
    snapshots: {
      latest: async () => newest,
      async put(_, generation, { sha256, bytes }) {
        if ((newest?.generation ?? 0) !== generation - 1) return false;
        newest = { generation, sha256, bytes };
        return true;
      },
    },
  };
}

function openServers() {
  const common = commonStore();
  const directory = mkdtempSync(join(tmpdir(), 'anthill-snapshots-'));
  const server = (name: string) => {
    const place = join(directory, name, 'sesn_1');
    for (const kept of ['workspace', 'outputs', 'tool_outputs', 'home', 'tmp'])
      mkdirSync(join(place, kept), { recursive: true });
    const options = { ...common, clock: fakeClock(), log: silentLog };
    const snapshots = createSnapshots({ directory: join(directory, name), ...options });
    return {
      save: () => snapshots.save('sesn_1'),
      restore: () => snapshots.restore('sesn_1'),
      path: (path: string) => join(place, path),
      write: (path: string, text: string) => writeFileSync(join(place, path), text),
      read: (path: string) => readFileSync(join(place, path), 'utf8'),
    };
  };
  return {
    a: server('a'),
    b: server('b'),
    newest: common.newest,
    lose: common.lose,
    [Symbol.dispose]: () => rmSync(directory, { recursive: true, force: true }),
  };
}

describe('snapshots of sessions', () => {
  test('bring files to another server, and back what became of them there', async () => {
    using it = openServers();
    it.a.write('workspace/notes.md', 'one');
    it.a.write('home/.profile', 'x=1');
    await it.a.save();
    await it.b.restore();
    assert.equal(it.b.read('workspace/notes.md'), 'one');
    assert.equal(it.b.read('home/.profile'), 'x=1');
    rmSync(it.b.path('home/.profile'));
    it.b.write('workspace/notes.md', 'two');
    await it.b.save();
    it.a.write('workspace/late.md', 'of a server that lost the session');
    await it.a.restore();
    assert.equal(it.a.read('workspace/notes.md'), 'two');
    assert.ok(!existsSync(it.a.path('home/.profile')));
    assert.ok(!existsSync(it.a.path('workspace/late.md')));
  });

  test('leave alone what is newer here', async () => {
    using it = openServers();
    it.a.write('workspace/notes.md', 'one');
    await it.a.save();
    it.a.write('workspace/notes.md', 'not saved yet');
    await it.a.restore();
    assert.equal(it.a.read('workspace/notes.md'), 'not saved yet');
  });

  test('of a server that lost the session replace nothing', async () => {
    using it = openServers();
    it.a.write('workspace/notes.md', 'one');
    await it.a.save();
    await it.b.restore();
    it.b.write('workspace/notes.md', 'two');
    await it.b.save();
    it.a.write('workspace/notes.md', 'stale');
    await it.a.save();
    assert.equal(it.newest()?.generation, 2);
    await it.a.restore();
    assert.equal(it.a.read('workspace/notes.md'), 'two');
  });

  test('keep links, holes and modes as they are, follow no link and leave sockets out', async () => {
    using it = openServers();
    symlinkSync('/etc/hostname', it.a.path('workspace/host'));
    symlinkSync('/', it.a.path('workspace/root'));
    it.a.write('workspace/run.sh', 'true');
    it.a.write('workspace/sparse', '');
    truncateSync(it.a.path('workspace/sparse'), 1024 ** 4);
    const socket = createServer().listen(it.a.path('tmp/socket'));
    await new Promise((resolve) => socket.once('listening', resolve));
    await it.a.save();
    await new Promise((resolve) => socket.close(resolve));
    await it.b.restore();
    assert.equal(readlinkSync(it.b.path('workspace/host')), '/etc/hostname');
    assert.ok(lstatSync(it.b.path('workspace/root')).isSymbolicLink());
    const sparse = statSync(it.b.path('workspace/sparse'));
    assert.equal(sparse.size, 1024 ** 4);
    assert.ok(sparse.blocks < 100);
    assert.ok(!existsSync(it.b.path('tmp/socket')));
    assert.ok((it.newest()?.bytes ?? 0) < 10_000);
  });

  test('whose content is lost are not taken for empty ones', async () => {
    using it = openServers();
    it.a.write('workspace/notes.md', 'one');
    await it.a.save();
    it.lose();
    await assert.rejects(it.b.restore());
  });

  test('that cannot be unpacked leave the next restore to try again', async () => {
    using it = openServers();
    it.a.write('workspace/notes.md', 'one');
    await it.a.save();
    rmSync(it.b.path('.'), { recursive: true });
    writeFileSync(it.b.path('.'), 'in the way');
    await assert.rejects(it.b.restore());
    rmSync(it.b.path('.'));
    await it.b.restore();
    assert.equal(it.b.read('workspace/notes.md'), 'one');
  });
});
