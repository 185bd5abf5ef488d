import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { sandboxProviderContract } from '../../../test/contract/sandbox-provider.ts';
import { attemptPrograms, escapeAttempts } from '../../../test/support/escape-attempts.ts';
import { bashIn, bubblewrapProvider, specIn, temporaryDirectory } from '../../../test/support/sandbox.ts';
import { sandboxServer } from '../../../test/support/sandbox-server.ts';
import type { Sandbox } from '../../domain/sandbox.ts';

describe('a bubblewrap sandbox', () => {
  sandboxProviderContract({
    open: bubblewrapProvider,
    startServer: (place, seconds) =>
      sandboxServer(
        (root, dataDir) => `
          import { bubblewrapProvider } from ${JSON.stringify(join(root, 'test/support/sandbox.ts'))};
          const provider = bubblewrapProvider(${JSON.stringify(dataDir)});`,
        place,
        seconds,
      ),
    sweeps: 0,
    atOnce: 20,
  });
});

describe('out of a bubblewrap sandbox', () => {
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
});
