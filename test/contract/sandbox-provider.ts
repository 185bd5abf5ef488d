import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import type { Sandbox, SandboxProvider } from '../../src/domain/sandbox.ts';
import { limited, openEgress } from '../support/egress.ts';
import { listening } from '../support/local-servers.ts';
import { bashIn, specIn, temporaryDirectory } from '../support/sandbox.ts';
import { eventually } from '../support/server-processes.ts';

const mebibyte = 1024 * 1024;
const patience = () => AbortSignal.timeout(60_000);

export type ProviderSubject = {
  /** A provider whose own files lie in this directory. */
  readonly open: (dataDir: string) => SandboxProvider;
  /** Starts a process that makes a sandbox, runs `sleep SECONDS` in it and stays; resolves once it sleeps. */
  readonly startServer: (place: string, seconds: number) => Promise<{ kill(): Promise<void> }>;
  /** Containers outlive their server as empty shells, which the next start takes away. */
  readonly sweeps: number;
  readonly atOnce: number;
};

/** What every provider of sandboxes promises. To be called in a `describe`. */
export function sandboxProviderContract(subject: ProviderSubject): void {
  const directory = temporaryDirectory();
  const provider = subject.open(join(directory.path, 'data'));
  const spec = specIn(directory.path, 'one');
  const workspace = spec.mounts[0]?.host ?? '';
  const provision = (id: string, limits = {}) =>
    provider.provision(specIn(directory.path, id, limits), patience());
  let sandbox: Sandbox;

  before(async () => {
    const environment = { GREETING: 'hello = "you"', EMPTY: '' };
    sandbox = await provider.provision({ ...spec, environment }, patience());
  });
  after(async () => {
    await sandbox?.destroy();
    directory[Symbol.dispose]();
  });

  test('says what it can do', async () => {
    const { unavailable, isolation, limits, network } = await provider.capabilities();
    assert.equal(unavailable, null);
    assert.ok(
      ['pid', 'mount', 'network', 'seccomp', 'no capabilities'].every((one) => isolation.includes(one)),
    );
    assert.ok(limits.includes('open files'));
    assert.match(network, /^TCP/);
  });

  test('programs run in the workspace, with the environment and nothing of the server', async () => {
    process.env['SECRET_OF_THE_SERVER'] = 'canary';
    assert.equal(
      await bashIn(sandbox, 'pwd; cd; pwd; echo "$GREETING/$EMPTY/$1"; env | grep -c SECRET', [
        'an argument',
      ]),
      '/workspace\n/root\nhello = "you"//an argument\n0\n',
    );
    delete process.env['SECRET_OF_THE_SERVER'];
  });

  test('exit codes, signals and both outputs arrive, and input does', async () => {
    const out: Uint8Array[] = [];
    const err: Uint8Array[] = [];
    const running = sandbox.exec({
      argv: ['/bin/bash', '-c', 'read line; echo "got $line"; echo oops >&2; exit 3'],
      onStdout: (bytes) => out.push(Buffer.from(bytes)),
      onStderr: (bytes) => err.push(Buffer.from(bytes)),
    });
    running.write(Buffer.from('input\n'));
    assert.deepEqual(await running.exited, { code: 3, signal: null });
    assert.deepEqual([String(Buffer.concat(out)), String(Buffer.concat(err))], ['got input\n', 'oops\n']);
    const killed = sandbox.exec({ argv: ['/bin/sleep', '60'], onStdout() {}, onStderr() {} });
    killed.kill('SIGTERM');
    assert.deepEqual(await killed.exited, { code: null, signal: 15 });
    const missing = sandbox.exec({ argv: ['/nowhere'], onStdout() {}, onStderr() {} });
    assert.equal((await missing.exited).code, 127);
  });

  test('links in the workspace lead nowhere outside, not even for the file tools', async () => {
    const canary = join(directory.path, 'canary');
    writeFileSync(canary, 'canary');
    symlinkSync(canary, join(workspace, 'to-canary'));
    symlinkSync(directory.path, join(workspace, 'to-host'));
    await assert.rejects(sandbox.readFile('/workspace/to-canary', 100), /No such file/);
    await assert.rejects(sandbox.writeFile('/workspace/to-host/new', Buffer.from('x')), /to-host|new/);
    assert.equal(readFileSync(canary, 'utf8'), 'canary');
  });

  test('files are written, read and measured inside', async () => {
    await sandbox.writeFile('/workspace/deep/er/file.txt', Buffer.from('hello'));
    const file = await sandbox.readFile('/workspace/deep/er/file.txt', 3);
    assert.deepEqual([file.kind, file.sizeBytes, Buffer.from(file.bytes).toString()], ['file', 5, 'hel']);
    assert.equal((await sandbox.readFile('/workspace/deep', 1)).kind, 'directory');
    await assert.rejects(sandbox.writeFile('/workspace/deep', Buffer.from('x')), /Is a directory/);
    assert.equal(readFileSync(join(workspace, 'deep/er/file.txt'), 'utf8'), 'hello');
  });

  test('only what was given to be written can be', async () => {
    const tried = await bashIn(
      sandbox,
      'for place in / /usr/bin /etc /mnt/session/uploads /sys /workspace /mnt/session/outputs /tmp /root; do (: > $place/x) 2>/dev/null && echo $place; done',
    );
    assert.deepEqual(tried.trim().split('\n'), ['/workspace', '/mnt/session/outputs', '/tmp', '/root']);
    await bashIn(sandbox, 'rm -f /workspace/x /mnt/session/outputs/x /tmp/x ~/x');
  });

  test('nothing that runs has a capability or can get one', async () => {
    const status = await bashIn(sandbox, 'grep -E "^(Cap|NoNewPrivs|Seccomp:)" /proc/self/status');
    const sets = ['Inh', 'Prm', 'Eff', 'Bnd', 'Amb'].map((set) => `Cap${set}:\t0000000000000000`);
    assert.deepEqual(status.trim().split('\n'), [...sets, 'NoNewPrivs:\t1', 'Seccomp:\t2']);
  });

  test('a fork bomb, a full disk and a memory bomb stay small', async () => {
    const small = { memoryBytesMax: 96 * mebibyte, processesMax: 32, fileBytesMax: 8 * mebibyte };
    const bombed = await provision('small', small);
    assert.equal((await bashIn(bombed, 'ulimit -n')).trim(), '256');
    const forks = await bashIn(bombed, 'for i in $(seq 200); do sleep 3 & done 2>&1');
    assert.match(forks, /Resource temporarily unavailable|retry/);
    // A shell that cannot fork gives up, and then nobody ends its children but their own clock: no other begins so long.
    const deadline = Date.now() + 60_000;
    while (!(await bashIn(bombed, 'sleep 0 && echo there')).includes('there')) {
      assert.ok(Date.now() < deadline, 'there is room again');
      await setTimeout(100);
    }
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
    // The last one: while its memory is given back, what runs next may be killed as well.
    const memory = await bashIn(
      bombed,
      'x=$(head -c 400000000 /dev/zero | tr "\\0" x); printf %s "$x" | wc -c',
    );
    assert.doesNotMatch(memory, /400000000/);
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
    const other = await provision('three');
    await sandbox.writeFile('/tmp/mine', Buffer.from('secret'));
    await assert.rejects(other.readFile('/tmp/mine', 10), /No such file/);
    assert.equal((await bashIn(other, 'ls -A /workspace')).trim(), '');
    await other.destroy();
  });

  test('what is written by one sandbox of a session is there for the next', async () => {
    const first = await provision('again');
    await bashIn(first, 'mkdir -p a/b; echo kept > a/b/c; chmod 600 a/b/c');
    await first.destroy();
    const next = await provision('again');
    assert.equal(await bashIn(next, 'cat a/b/c; rm -r a; ls -A'), 'kept\n');
    await next.destroy();
  });

  test('the door leads where the environment allows, and stays when everything is killed', async () => {
    const web = await listening(
      createServer((request, response) => response.end(`for ${request.headers.host}`)),
    );
    const { port } = web.address() as AddressInfo;
    const hosts = { 'site.test': '127.0.0.1', 'other.test': '127.0.0.1' };
    await using it = await openEgress(provider, directory.path, {
      networking: limited('site.test'),
      settings: { hosts },
    });
    const ask = (host: string) => it.bash(`curl -sS -m 10 http://${host}:${port}/`);
    assert.equal(await ask('site.test'), `for site.test:${port}`);
    assert.match(await ask('other.test'), /other.test is not among the hosts/);
    assert.match(await ask('10.0.0.1'), /10.0.0.1 is not among the hosts/);
    const running = it.sandbox.exec({ argv: ['/bin/sleep', '60'], onStdout() {}, onStderr() {} });
    it.sandbox.killAll();
    assert.deepEqual(await running.exited, { code: null, signal: 9 });
    assert.equal(await ask('site.test'), `for site.test:${port}`);
    web.close();
    web.closeAllConnections();
  });

  test('without a door there is no network', async () => {
    assert.match(
      await bashIn(sandbox, 'exec 3<>/dev/tcp/1.1.1.1/80'),
      /Network is unreachable|Connection refused/,
    );
  });

  test('destroy ends every process, and says so', async () => {
    const doomed = await provision('four');
    const running = doomed.exec({ argv: ['/bin/sleep', '599'], onStdout() {}, onStderr() {} });
    await bashIn(doomed, 'setsid sleep 598 >/dev/null 2>&1 & disown');
    await doomed.destroy();
    assert.equal((await running.exited).code, null);
    assert.deepEqual(sleeping(598, 599), []);
    await doomed.gone;
    await doomed.destroy();
    const late = doomed.exec({ argv: ['/bin/true'], onStdout() {}, onStderr() {} });
    assert.deepEqual(await late.exited, { code: null, signal: 9 });
  });

  test('one that is not waited for any more is not made', async () => {
    await assert.rejects(
      provider.provision(specIn(directory.path, 'unwanted'), AbortSignal.abort(new Error('enough'))),
    );
  });

  test('many at once are kept apart', async () => {
    const numbers = Array.from({ length: subject.atOnce }, (_, index) => index);
    const said = await Promise.all(
      numbers.map(async (number) => {
        const one = await provision(`many-${number}`);
        const output = await bashIn(one, `echo ${number} > mine; cat mine`);
        await one.destroy();
        return output;
      }),
    );
    assert.deepEqual(
      said,
      numbers.map((number) => `${number}\n`),
    );
  });

  test('nothing survives a server that is killed, and its next start tidies up', async () => {
    const place = join(directory.path, 'orphans');
    mkdirSync(place);
    const server = await subject.startServer(place, 597);
    assert.equal(sleeping(597).length, 1);
    await server.kill();
    await eventually(() => sleeping(597).length === 0, 'the sandbox ends with its server');
    const next = subject.open(join(place, 'data'));
    assert.equal(await next.sweep(), subject.sweeps);
    assert.equal(await next.sweep(), 0);
    assert.equal((await bashIn(sandbox, 'echo alive')).trim(), 'alive');
  });
}

/** Running processes that sleep for so long; zombies do not run. */
function sleeping(...seconds: number[]): string[] {
  const pattern = new RegExp(`^[^Z]\\S* +(/bin/)?sleep (${seconds.join('|')})$`);
  return execFileSync('ps', ['-eo', 'stat=,args='], { encoding: 'utf8' })
    .split('\n')
    .filter((line) => pattern.test(line));
}
