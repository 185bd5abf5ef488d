import { crc32, deflateRawSync } from 'node:zlib';

/** All of what comes chunk by chunk. */
export async function collected(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all);
}

/** An entry of an archive that may lie about itself. What is not said is as a careful program writes it. */
export type Entry = {
  readonly name: string | Uint8Array;
  readonly content?: string | Uint8Array;
  /** 0 stored, 8 deflated. */
  readonly method?: number;
  /** As it is in the archive; else `content`, compressed as `method` says. */
  readonly data?: Uint8Array;
  readonly flags?: number;
  /** Of Unix, with the type of the file. */
  readonly mode?: number;
  readonly crc?: number;
  readonly compressedSize?: number;
  readonly size?: number;
  /** Where its local header is said to be. */
  readonly offset?: number;
  readonly extra?: Uint8Array;
};

export type ArchiveLies = { readonly entryCount?: number; readonly comment?: string };

const utf8 = 0x800;

/** A zip archive byte by byte: what the libraries refuse to write. */
export function zipOf(entries: readonly Entry[], lies: ArchiveLies = {}): Buffer {
  const locals: Buffer[] = [];
  const centrals: Buffer[] = [];
  let offset = 0;
  for (const entry of entries) {
    const { local, central } = parts(entry, offset);
    locals.push(local);
    centrals.push(central);
    offset += local.length;
  }
  const directory = Buffer.concat(centrals);
  const comment = Buffer.from(lies.comment ?? '');
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE((lies.entryCount ?? entries.length) & 0xffff, 8);
  end.writeUInt16LE((lies.entryCount ?? entries.length) & 0xffff, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(offset, 16);
  end.writeUInt16LE(comment.length, 20);
  return Buffer.concat([...locals, directory, end, comment]);
}

function parts(entry: Entry, offset: number): { local: Buffer; central: Buffer } {
  const name = Buffer.from(entry.name);
  const content = Buffer.from(entry.content ?? '');
  const method = entry.method ?? 0;
  const data = entry.data ?? (method === 8 ? deflateRawSync(content) : content);
  const extra = entry.extra ?? new Uint8Array(0);
  const about = Buffer.alloc(26);
  about.writeUInt16LE(20, 0);
  about.writeUInt16LE(entry.flags ?? utf8, 2);
  about.writeUInt16LE(method, 4);
  about.writeUInt32LE(entry.crc ?? crc32(content), 10);
  about.writeUInt32LE(entry.compressedSize ?? data.length, 14);
  about.writeUInt32LE(entry.size ?? content.length, 18);
  about.writeUInt16LE(name.length, 22);
  about.writeUInt16LE(extra.length, 24);
  const tail = Buffer.alloc(14);
  tail.writeUInt32LE(((entry.mode ?? 0o100644) << 16) >>> 0, 6);
  tail.writeUInt32LE(entry.offset ?? offset, 10);
  const local = Buffer.concat([Buffer.from('PK\x03\x04'), about, name, extra, data]);
  const made = Buffer.from([20, 3]);
  const central = Buffer.concat([Buffer.from('PK\x01\x02'), made, about, tail, name, extra]);
  return { local, central };
}

const interesting = [0, 1, 0x7f, 0x80, 0xff] as const;

/** The archive with some bytes changed, moved or missing. */
export function mutated(whole: Buffer, pick: (below: number) => number): Buffer {
  const zip = Buffer.from(whole);
  for (let count = 1 + pick(4); count > 0; count--) {
    const place = pick(zip.length - 4);
    const kind = pick(4);
    if (kind === 0) zip[place] = pick(256);
    else if (kind === 1)
      zip.fill(interesting[pick(5)] ?? 0, place, Math.min(zip.length, place + 1 + pick(8)));
    else if (kind === 2) zip.copy(zip, place, pick(zip.length), pick(zip.length));
    else return zip.subarray(pick(20), place);
  }
  return zip;
}

/** Numbers below a bound, the same in every run (mulberry32). */
export function picker(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296) * below);
  };
}
