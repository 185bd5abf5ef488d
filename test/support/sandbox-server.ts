import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

/**
 * A process of its own that makes a sandbox below `place` and sleeps in it, until it is killed. `provider` is source text that
 * makes a provider of the modules of this folder and of `src`, which `root` leads to.
 */
export async function sandboxServer(
  provider: (root: string, dataDir: string) => string,
  place: string,
  seconds: number,
): Promise<{ kill(): Promise<void> }> {
  const root = join(import.meta.dirname, '../..');
  const script = `
    import { specIn, bashIn } from ${JSON.stringify(join(root, 'test/support/sandbox.ts'))};
    ${provider(root, join(place, 'data'))}
    const sandbox = await provider.provision(specIn(${JSON.stringify(place)}, 'x'), AbortSignal.timeout(120000));
    await bashIn(sandbox, 'setsid sleep ${seconds} >/dev/null 2>&1 & disown');
    console.log('up');
    setInterval(() => {}, 1000);`;
  const server = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await Promise.race([
    once(server.stdout, 'data'),
    once(server, 'exit').then(([code]) => Promise.reject(new Error(`the process ended with ${code}`))),
  ]);
  return {
    async kill() {
      const closed = once(server, 'close');
      server.kill('SIGKILL');
      await closed;
    },
  };
}
