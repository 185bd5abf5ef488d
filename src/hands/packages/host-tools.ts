import { realpath, stat } from 'node:fs/promises';

const programs = ['node', 'npm', 'python3', 'ruby', 'gem', 'go', 'cargo', 'rustc'];
const directories = ['/usr/local/bin', '/usr/bin'];

/**
 * What packages for the machine's own system depend on: its package managers, and what runs what they install. Another
 * version of one of them is another system.
 */
export async function hostTools(): Promise<readonly string[]> {
  const found = await Promise.all(
    programs.flatMap((program) => directories.map((directory) => signature(`${directory}/${program}`))),
  );
  return found.filter((one) => one !== null);
}

async function signature(path: string): Promise<string | null> {
  try {
    const target = await realpath(path);
    const { size, mtimeMs } = await stat(target);
    return `${path} ${target} ${size} ${Math.floor(mtimeMs)}`;
  } catch {
    return null;
  }
}
