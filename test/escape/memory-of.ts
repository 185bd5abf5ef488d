import { closeSync, openSync, readdirSync, readFileSync, readlinkSync, readSync } from 'node:fs';

const chunkBytes = 4 * 1024 * 1024;

/** Processes below another one that live in a pid namespace of their own: those of its sandboxes. */
export function processesOf(ancestor: number): number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync('/proc')) {
    const pid = Number(name);
    const stat = Number.isInteger(pid) ? textOf(`/proc/${name}/stat`) : '';
    if (stat !== '') parents.set(pid, Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]));
  }
  const isBelow = (pid: number): boolean => {
    const parent = parents.get(pid);
    return parent !== undefined && parent > 0 && (parent === ancestor || isBelow(parent));
  };
  const own = namespaceOf(ancestor);
  return [...parents.keys()].filter((pid) => isBelow(pid) && ![own, ''].includes(namespaceOf(pid)));
}

/** What a process has in memory, as far as it can be read, in pieces that overlap enough for a secret. */
export function* readMemory(pid: number): Generator<Buffer> {
  const ranges = textOf(`/proc/${pid}/maps`)
    .split('\n')
    .flatMap((line) => {
      const [, from = '', to = '', rights] = /^([0-9a-f]+)-([0-9a-f]+) (\S+)/.exec(line) ?? [];
      return rights?.startsWith('r') && !line.includes('[v')
        ? [[BigInt(`0x${from}`), BigInt(`0x${to}`)] as const]
        : [];
    });
  let memory: number;
  try {
    memory = openSync(`/proc/${pid}/mem`, 'r');
  } catch {
    return;
  }
  try {
    for (const [from, to] of ranges) {
      for (let at = from; at < to; at += BigInt(chunkBytes - 256)) {
        const bytes = Buffer.alloc(Number(to - at < BigInt(chunkBytes) ? to - at : BigInt(chunkBytes)));
        if (read(memory, bytes, at)) yield bytes;
        if (to - at <= BigInt(chunkBytes)) break;
      }
    }
  } finally {
    closeSync(memory);
  }
}

function read(memory: number, bytes: Buffer, position: bigint): boolean {
  try {
    return readSync(memory, bytes, 0, bytes.length, position) > 0;
  } catch {
    return false;
  }
}

function namespaceOf(pid: number): string {
  try {
    return readlinkSync(`/proc/${pid}/ns/pid`);
  } catch {
    return '';
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
