import { existsSync, readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { UsageMistake } from './io.ts';

/** Whom to talk to, and with which key. */
export type Target = { readonly baseUrl: string; readonly apiKey: string | null };

export type TargetOptions = {
  readonly baseUrl: string | null;
  readonly apiKey: string | null;
  readonly data: string | null;
  readonly env: Readonly<Record<string, string | undefined>>;
};

/**
 * With a base URL (flag or `ANTHROPIC_BASE_URL`) the key is the caller's. Without one it is the local
 * server with the key in its 0600 file: so a shell that holds a real Anthropic key cannot send it here,
 * nor a local key elsewhere.
 */
export function findTarget({ baseUrl, apiKey, data, env }: TargetOptions): Target {
  const named = baseUrl ?? (env['ANTHROPIC_BASE_URL'] || null);
  const path = join(data ?? (env['ANTHILL_DATA'] || join(homedir(), '.anthill')), 'server.json');
  if (named !== null) {
    const source = baseUrl === null ? 'ANTHROPIC_BASE_URL' : '--base-url';
    if (!/^https?:\/\//.test(named) || !URL.canParse(named))
      throw new UsageMistake(`${source}: "${named}" is not a URL; it begins with http:// or https://`);
    return { baseUrl: named.replace(/\/+$/, ''), apiKey: apiKey ?? (env['ANTHROPIC_API_KEY'] || null) };
  }
  if (!existsSync(path)) {
    throw new UsageMistake(
      `no local server found (${path} is missing): run \`anthill up\` (npm start), or pass --base-url`,
    );
  }
  const local = readServerFile(path);
  return { baseUrl: local.baseUrl, apiKey: apiKey ?? local.apiKey };
}

function readServerFile(path: string): { baseUrl: string; apiKey: string } {
  const about = statSync(path);
  const uid = process.getuid?.();
  if ((about.mode & 0o077) !== 0 || (uid !== undefined && uid !== 0 && about.uid !== uid)) {
    throw new UsageMistake(
      `${path} holds a key and must belong to you with mode 0600; it will not be used as it is`,
    );
  }
  const file = parsed(readFileSync(path, 'utf8'));
  const baseUrl = typeof file === 'object' && file !== null ? Reflect.get(file, 'base_url') : null;
  const apiKey = typeof file === 'object' && file !== null ? Reflect.get(file, 'api_key') : null;
  if (typeof baseUrl !== 'string' || typeof apiKey !== 'string')
    throw new UsageMistake(`${path} is not what \`anthill up\` writes: start it again`);
  return { baseUrl, apiKey };
}

/** JSON, or null: a crash can leave half a file. */
function parsed(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return value;
  } catch {
    return null;
  }
}
