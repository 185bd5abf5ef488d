const blockBytes = 64 * 1024;

/** The last `max` bytes of a stream, up to a block more; costs the same whatever sizes the bytes come in. */
export type LastBytes = {
  add(bytes: Uint8Array): void;
  /** What was kept, from the beginning of a character. */
  bytes(): Buffer;
  /** Something was dropped. */
  readonly isCut: boolean;
};

export function createLastBytes(max: number): LastBytes {
  const full: Buffer[] = [];
  let block = Buffer.allocUnsafe(blockBytes);
  let used = 0;
  let cut = false;

  function seal(): void {
    full.push(block);
    block = Buffer.allocUnsafe(blockBytes);
    used = 0;
    if ((full.length - 1) * blockBytes < max) return;
    full.shift();
    cut = true;
  }

  return {
    add(bytes) {
      for (let at = 0; at < bytes.length; ) {
        const part = bytes.subarray(at, at + blockBytes - used);
        block.set(part, used);
        used += part.length;
        at += part.length;
        if (used === blockBytes) seal();
      }
    },
    bytes() {
      const kept = Buffer.concat([...full, block.subarray(0, used)]);
      return cut ? kept.subarray(characterStart(kept)) : kept;
    },
    get isCut() {
      return cut;
    },
  };
}

/** Where the first whole UTF-8 character begins: at most three bytes of a cut one come before it. */
function characterStart(bytes: Uint8Array): number {
  const start = bytes.subarray(0, 4).findIndex((byte) => (byte & 0xc0) !== 0x80);
  return Math.max(0, start);
}
