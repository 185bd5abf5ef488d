import { readFileSync } from 'node:fs';

/** The version in package.json. */
export function versionOf(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  return String(typeof manifest === 'object' && manifest !== null ? Reflect.get(manifest, 'version') : '');
}
