import { readFileSync } from 'node:fs';
import { ConfigMistake } from './config.ts';
import type { World } from './world.ts';

type Command = (args: readonly string[], world: World) => Promise<number>;

/** Commands that run the server or look at this machine; every other is a client of the API. Each loads only what it needs. */
const commands: Readonly<Record<string, () => Promise<Command>>> = {
  up: async () => (await import('./up.ts')).up,
  doctor: async () => (await import('./doctor.ts')).doctor,
};

/** The bin. Resolves with the exit code. */
export async function main(process: NodeJS.Process): Promise<number> {
  const [name = '', ...args] = process.argv.slice(2);
  const world: World = {
    env: process.env,
    cwd: process.cwd(),
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
  };
  const command = commands[name];
  try {
    if (command) return await (await command())(args, world);
    const { runCli } = await import('../cli/cli.ts');
    return await runCli(process.argv.slice(2), world, versionOf());
  } catch (cause) {
    if (!command) throw cause;
    process.stderr.write(`anthill ${name}: ${cause instanceof Error ? cause.message : String(cause)}\n`);
    return cause instanceof ConfigMistake ? 2 : 1;
  }
}

function versionOf(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  return String(typeof manifest === 'object' && manifest !== null ? Reflect.get(manifest, 'version') : '');
}
