import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { attemptPrograms, escapeAttempts } from '../../../test/support/escape-attempts.ts';
import { bashIn, bubblewrapProvider, specIn, temporaryDirectory } from '../../../test/support/sandbox.ts';
import type { Sandbox } from '../../domain/sandbox.ts';

const mebibyte = 1024 * 1024;

describe('a bubblewrap sandbox', () => {
  const directory = temporaryDirectory();
  const provider = bubblewrapProvider(join(directory.path, 'data'));
  const service = createServer((socket) => socket.end('hello')).listen(0, '127.0.0.1');
  const hidden = createServer().listen('\0anthill-canary');
  const outsider = spawn('sleep', ['600'], { stdio: 'ignore' });
  const spec = specIn(directory.path, 'one');
  const workspace = spec.mounts[0]?.host ?? '';
  let sandbox: Sandbox;
  let args: string[] = [];

  before(async () => {
    const canary = join(directory.path, 'canary');
    writeFileSync(canary, 'canary');
    const other = specIn(directory.path, 'two').mounts[0]?.host ?? '';
    for (const [name, source] of Object.entries(attemptPrograms)) {
      execFileSync('cc', ['-x', 'c', '-static', '-o', join(workspace, name), '-'], { input: source });
    }
    if (!service.listening) await once(service, 'listening');
    const address = service.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    args = [canary, String(outsider.pid), String(port), 'anthill-canary', other];
    process.env['SECRET_OF_THE_SERVER'] = 'canary';
    sandbox = await provider.provision(spec, AbortSignal.timeout(20_000));
  });

  after(async () => {
    await sandbox.destroy();
    delete process.env['SECRET_OF_THE_SERVER'];
    outsider.kill('SIGKILL');
    service.close();
    hidden.close();
    directory[Symbol.dispose]();
  });

  for (const { name, script, onHost } of escapeAttempts) {
    test(`keeps in: ${name}`, async () => {
      if (onHost && process.getuid?.() === 0) {
        const control = spawnSync('/bin/bash', ['-c', script, 'attempt', ...args], {
          cwd: workspace,
          encoding: 'utf8',
        });
        assert.equal(control.stdout.trim(), 'OPEN', 'the attempt works outside');
      }
      assert.equal((await bashIn(sandbox, script, args)).trim(), 'BLOCKED');
    });
  }

  test('kill -1 reaches nothing outside', async () => {
    await bashIn(sandbox, 'kill -9 -1');
    assert.equal(outsider.exitCode, null);
    assert.equal((await bashIn(sandbox, 'echo alive')).trim(), 'alive');
  });

  test('links in the workspace lead nowhere outside, not even for the file tools', async () => {
    symlinkSync(args[0] ?? '', join(workspace, 'to-canary'));
    symlinkSync(directory.path, join(workspace, 'to-host'));
    await assert.rejects(sandbox.readFile('/workspace/to-canary', 100), /No such file/);
    await assert.rejects(sandbox.writeFile('/workspace/to-host/new', Buffer.from('x')), /to-host|new/);
    assert.equal(readFileSync(args[0] ?? '', 'utf8'), 'canary');
  });

  test('files are written, read and measured inside', async () => {
    await sandbox.writeFile('/workspace/deep/er/file.txt', Buffer.from('hello'));
    const file = await sandbox.readFile('/workspace/deep/er/file.txt', 3);
    assert.deepEqual([file.kind, file.sizeBytes, Buffer.from(file.bytes).toString()], ['file', 5, 'hel']);
    assert.equal((await sandbox.readFile('/workspace/deep', 1)).kind, 'directory');
    await assert.rejects(sandbox.writeFile('/workspace/deep', Buffer.from('x')), /Is a directory/);
    assert.equal(readFileSync(join(workspace, 'deep/er/file.txt'), 'utf8'), 'hello');
  });

  test('a fork bomb, a memory bomb and a full disk stay small', async () => {
    const small = specIn(directory.path, 'small', {
      memoryBytesMax: 96 * mebibyte,
      processesMax: 32,
      fileBytesMax: 8 * mebibyte,
    });
    const bombed = await provider.provision(small, AbortSignal.timeout(20_000));
    const forks = await bashIn(
      bombed,
      'for i in $(seq 200); do sleep 5 & done 2>&1; jobs -p | wc -l; kill $(jobs -p)',
    );
    assert.match(forks, /Resource temporarily unavailable|retry/);
    const memory = await bashIn(
      bombed,
      'x=$(head -c 400000000 /dev/zero | tr "\\0" x); printf %s "$x" | wc -c',
    );
    assert.doesNotMatch(memory, /400000000/);
    const disk = await bashIn(
      bombed,
      'head -c 40000000 /dev/zero > /workspace/big; stat -c %s /workspace/big',
    );
    assert.match(disk, new RegExp(String(8 * mebibyte)));
    const tmp = await bashIn(
      bombed,
      'for i in $(seq 100); do head -c 8000000 /dev/zero > /tmp/$i || break; done 2>&1 | tail -1; du -sm /tmp | cut -f1',
    );
    assert.ok(Number(tmp.trim().split('\n').at(-1)) < 600);
    await bombed.destroy();
  });

  test('a chatty process neither blocks others nor fills memory', async () => {
    let bytes = 0;
    const chatty = sandbox.exec({
      argv: ['/bin/bash', '-c', 'head -c 50000000 /dev/zero'],
      onStdout: (chunk) => {
        bytes += chunk.length;
      },
      onStderr() {},
    });
    assert.equal((await bashIn(sandbox, 'echo quick')).trim(), 'quick');
    await chatty.exited;
    assert.equal(bytes, 50_000_000);
  });

  test('two sandboxes share nothing but the system', async () => {
    const other = await provider.provision(specIn(directory.path, 'three'), AbortSignal.timeout(20_000));
    await sandbox.writeFile('/tmp/mine', Buffer.from('secret'));
    await assert.rejects(other.readFile('/tmp/mine', 10), /No such file/);
    assert.equal((await bashIn(other, 'ls -A /workspace')).trim(), '');
    await other.destroy();
  });

  test('destroy ends every process, and says so', async () => {
    const doomed = await provider.provision(specIn(directory.path, 'four'), AbortSignal.timeout(20_000));
    const running = doomed.exec({ argv: ['/bin/sleep', '599'], onStdout() {}, onStderr() {} });
    await bashIn(doomed, 'setsid sleep 598 >/dev/null 2>&1 & disown');
    await doomed.destroy();
    assert.equal((await running.exited).code, null);
    assert.deepEqual(processesLike(/^\S+ +sleep 59[89]/), []);
  });

  test('nothing survives a server that is killed', async () => {
    const home = join(directory.path, 'orphans');
    mkdirSync(home);
    const script = `
      import { bubblewrapProvider, specIn, bashIn } from ${JSON.stringify(join(import.meta.dirname, '../../../test/support/sandbox.ts'))};
      const sandbox = await bubblewrapProvider(${JSON.stringify(join(directory.path, 'data'))}).provision(specIn(${JSON.stringify(home)}, 'x'), AbortSignal.timeout(20000));
      await bashIn(sandbox, 'setsid sleep 597 >/dev/null 2>&1 & disown');
      console.log('up');
      setInterval(() => {}, 1000);`;
    const server = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await new Promise((resolve) => server.stdout.once('data', resolve));
    assert.equal(processesLike(/^\S+ +sleep 597/).length, 1);
    const closed = new Promise((resolve) => server.once('close', resolve));
    server.kill('SIGKILL');
    await closed;
    await until(() => processesLike(/^\S+ +sleep 597/).length === 0);
  });
});

/** Command lines of running processes that match; zombies do not run. */
function processesLike(pattern: RegExp): string[] {
  return execFileSync('ps', ['-eo', 'stat=,args='], { encoding: 'utf8' })
    .split('\n')
    .filter((line) => !line.startsWith('Z') && pattern.test(line));
}

/** Waits for the kernel to finish what has been decided; fails loudly when it does not. */
async function until(done: () => boolean): Promise<void> {
  for (let i = 0; i < 200 && !done(); i++) await new Promise((resolve) => setTimeout(resolve, 10));
  assert.ok(done());
}
