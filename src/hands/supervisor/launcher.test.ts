import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, describe, test } from 'node:test';
import { temporaryDirectory } from '../../../test/support/sandbox.ts';
import { buildSupervisor } from './build.ts';
import type { Launched, Launcher } from './launcher.ts';
import { createLauncher } from './launcher.ts';

const shell = (script: string) => ['--', '/bin/sh', '-c', script];

const bin = temporaryDirectory();
after(() => bin[Symbol.dispose]());

async function launcherIn(directory: string): Promise<Launcher> {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  return createLauncher(await buildSupervisor(bin.path), directory);
}

/** Field of /proc/PID/status; empty when the process is gone. */
function statusOf(pid: number, field: string): string {
  const path = `/proc/${pid}/status`;
  if (!existsSync(path)) return '';
  return new RegExp(`^${field}:\\s+(\\S+)`, 'm').exec(readFileSync(path, 'utf8'))?.[1] ?? '';
}

async function finish(launched: Launched): Promise<{ output: string; complaint: string }> {
  const output = await text(launched.connection);
  return { output, complaint: await launched.ended };
}

describe('the launcher', () => {
  test('connects what it starts, and says how it ended', async () => {
    using directory = temporaryDirectory();
    const launcher = await launcherIn(directory.path);
    const launched = await launcher.launch(shell('read line; echo "got $line"; echo oops >&2; exit 3'));
    launched.connection.write('hello\n');
    assert.deepEqual(await finish(launched), { output: 'got hello\n', complaint: 'oops' });
  });

  test('passes no variable and no descriptor of the server on', async () => {
    using directory = temporaryDirectory();
    const launcher = await launcherIn(directory.path);
    const launched = await launcher.launch(shell('env; exec ls /proc/self/fd'));
    const { output } = await finish(launched);
    // The shell's own variables; the standard three and the directory that is being listed.
    assert.deepEqual(output.trim().split('\n').sort(), ['0', '1', '2', '3', 'PWD=/']);
  });

  test('starts many at once and keeps them apart', async () => {
    using directory = temporaryDirectory();
    const launcher = await launcherIn(directory.path);
    const numbers = Array.from({ length: 20 }, (_, index) => index);
    const outputs = await Promise.all(
      numbers.map(async (number) => (await finish(await launcher.launch(shell(`echo ${number}`)))).output),
    );
    assert.deepEqual(
      outputs,
      numbers.map((number) => `${number}\n`),
    );
  });

  test('kills on request, and only that one', async () => {
    using directory = temporaryDirectory();
    const launcher = await launcherIn(directory.path);
    const [one, other] = await Promise.all([
      launcher.launch(shell('exec sleep 600')),
      launcher.launch(shell('read x')),
    ]);
    one.kill();
    await one.ended;
    assert.notEqual(statusOf(other.pid, 'State'), '');
    other.connection.end();
    await other.ended;
  });

  test('says what went wrong before the command ran', async () => {
    using directory = temporaryDirectory();
    const launcher = await launcherIn(directory.path);
    const { complaint } = await finish(
      await launcher.launch(['--seccomp-program', '/nowhere', ...shell('true')]),
    );
    assert.match(complaint, /\/nowhere: No such file/);
    assert.match(
      (await finish(await launcher.launch(['--', '/nowhere']))).complaint,
      /\/nowhere: No such file/,
    );
  });

  test('takes what it started along when it dies, and is started again', async () => {
    using directory = temporaryDirectory();
    const launcher = await launcherIn(directory.path);
    const launched = await launcher.launch(shell('exec sleep 600'));
    process.kill(Number(statusOf(launched.pid, 'PPid')), 'SIGKILL');
    assert.equal(await launched.ended, 'the launcher ended');
    assert.ok(launched.connection.destroyed);
    assert.equal((await finish(await launcher.launch(shell('echo again')))).output, 'again\n');
  });

  test('works in a directory whose path is longer than a socket may have', async () => {
    using directory = temporaryDirectory();
    const launcher = await launcherIn(join(directory.path, 'x'.repeat(120)));
    assert.equal((await finish(await launcher.launch(shell('echo hi')))).output, 'hi\n');
    assert.ok(readdirSync(tmpdir()).some((name) => name.startsWith('anthill-')));
  });
});
