import { ConfigMistake } from './config.ts';
import { doctorHelp, rotateKeyHelp, upHelp, workerHelp } from './help.ts';
import { backupHelp, exportHelp, importHelp } from './moving/help.ts';
import { versionOf } from './version.ts';
import type { World } from './world.ts';

type Command = {
  readonly load: () => Promise<(args: readonly string[], world: World) => Promise<number>>;
  readonly help: string;
};

/** Commands that run the server or look at this machine; every other is a client of the API. Each loads only what it needs. */
const commands: ReadonlyMap<string, Command> = new Map([
  ['up', { load: async () => (await import('./up.ts')).up, help: upHelp }],
  ['doctor', { load: async () => (await import('./doctor.ts')).doctor, help: doctorHelp }],
  ['worker', { load: async () => (await import('./worker.ts')).worker, help: workerHelp }],
  ['export', { load: async () => (await import('./moving/export.ts')).exportAll, help: exportHelp }],
  ['import', { load: async () => (await import('./moving/import.ts')).importAll, help: importHelp }],
  ['backup', { load: async () => (await import('./moving/backup.ts')).backup, help: backupHelp }],
  ['rotate-key', { load: async () => (await import('./rotate-key.ts')).rotateKey, help: rotateKeyHelp }],
]);

/** The bin. Resolves with the exit code. */
export async function main(process: NodeJS.Process): Promise<number> {
  const argv = process.argv.slice(2);
  const [name = '', ...args] = argv[0] === 'help' ? [...argv.slice(1), '--help'] : argv;
  const world: World = {
    env: process.env,
    cwd: process.cwd(),
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
  };
  const command = commands.get(name);
  const isAboutSession = name === 'doctor' && args.some((word) => /^(sesn|session)_/.test(word));
  if (!command || isAboutSession) {
    const { runCli } = await import('../cli/cli.ts');
    return await runCli(isAboutSession ? ['sessions', 'diagnose', ...args] : argv, world, versionOf());
  }
  if (args.includes('--help') || args.includes('-h')) {
    world.stdout.write(command.help);
    return 0;
  }
  try {
    const run = await command.load();
    return await run(args, world);
  } catch (cause) {
    process.stderr.write(`anthill ${name}: ${cause instanceof Error ? cause.message : String(cause)}\n`);
    return cause instanceof ConfigMistake ? 2 : 1;
  }
}
