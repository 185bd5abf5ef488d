import { parseArgs } from 'node:util';
import { findTarget } from '../../cli/server-file.ts';
import { ConfigMistake } from '../config.ts';
import { sdk } from '../worker-sdk.ts';
import type { World } from '../world.ts';
import { importAgents } from './import-agents.ts';
import type { Copying, Outcome } from './import-copying.ts';
import { importEnvironments, importMemoryStores } from './import-resources.ts';
import { importSkills } from './import-skills.ts';

/**
 * `anthill import --from URL`: agents with their versions, environments, skills with theirs, and memory stores of one
 * workspace of a Managed Agents server, through its API, into a running server. What is there already is left as it
 * is. Resolves with the exit code: 1 when something could not be copied.
 */
export async function importFromApi(args: readonly string[], world: World): Promise<number> {
  const flags = parseFlags(args);
  const from = flags.from ?? '';
  if (!/^https?:\/\//.test(from) || !URL.canParse(from))
    throw new ConfigMistake(`--from: "${from}" is not a URL; it begins with http:// or https://`);
  const sourceKey = flags['from-api-key'] ?? (world.env['ANTHILL_IMPORT_API_KEY'] || null);
  if (sourceKey === null)
    throw new ConfigMistake(
      'set ANTHILL_IMPORT_API_KEY, or --from-api-key, to a key of the server that --from names',
    );
  const target = findTarget({
    baseUrl: flags['base-url'] ?? null,
    apiKey: flags['api-key'] ?? null,
    data: flags.data ?? null,
    env: world.env,
  });
  if (new URL(target.baseUrl).origin === new URL(from).origin)
    throw new ConfigMistake('--from is the server itself that everything would be copied to');
  const { Anthropic, toFile } = await sdk();
  const counts = new Map<string, number>();
  const copying: Copying = {
    // A token in the environment is for somebody else.
    source: new Anthropic({ baseURL: from.replace(/\/+$/, ''), apiKey: sourceKey, authToken: null }),
    // A server that asks for no key looks at none.
    target: new Anthropic({ baseURL: target.baseUrl, apiKey: target.apiKey ?? 'none', authToken: null }),
    toFile,
    ids: new Map(),
    report(outcome) {
      const key = `${outcome.what} ${outcome.result}`;
      counts.set(key, (counts.get(key) ?? 0) + 1);
      world.stdout.write(`${lineOf(outcome)}\n`);
    },
  };
  await importEnvironments(copying);
  await importSkills(copying);
  await importAgents(copying);
  await importMemoryStores(copying);
  const summary = [...counts].map(([key, count]) => `${key}: ${count}`).join(', ');
  world.stdout.write(`${summary || 'There was nothing to copy.'}\n`);
  return [...counts.keys()].some((key) => key.endsWith(' failed')) ? 1 : 0;
}

function lineOf({ what, result, id, copy, why }: Outcome): string {
  const arrow = copy === undefined ? '' : ` → ${copy}`;
  return `${result.padEnd(8)} ${what} ${id}${arrow}${why === undefined ? '' : `: ${why}`}`;
}

function parseFlags(args: readonly string[]) {
  const string = { type: 'string' } as const;
  const options = {
    from: string,
    'from-api-key': string,
    'base-url': string,
    'api-key': string,
    data: string,
  } as const;
  try {
    return parseArgs({ args: [...args], options, strict: true }).values;
  } catch (cause) {
    throw new ConfigMistake(cause instanceof Error ? cause.message : String(cause));
  }
}
