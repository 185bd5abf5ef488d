/** The supervisor's frames, see supervisor.c: u32 length of the rest, u8 type, u32 id, payload; little endian. */
export const frameTypes = {
  ready: 0,
  exec: 1,
  input: 2,
  endInput: 3,
  signal: 4,
  output: 5,
  errorOutput: 6,
  ended: 7,
  killAll: 8,
} as const;

export type Frame = { readonly type: number; readonly id: number; readonly payload: Buffer };

const headerBytes = 9;
/** What a sandbox may send is untrusted: no frame is larger. */
const frameBytesMax = 1 << 20;
/** Largest payload the supervisor takes in one frame, with room to spare. */
export const inputChunkBytes = 512 * 1024;

export function encodeFrame(type: number, id: number, payload: Uint8Array = new Uint8Array()): Buffer {
  const bytes = Buffer.allocUnsafe(headerBytes + payload.length);
  bytes.writeUInt32LE(payload.length + 5, 0);
  bytes.writeUInt8(type, 4);
  bytes.writeUInt32LE(id, 5);
  bytes.set(payload, headerBytes);
  return bytes;
}

/** Feeds bytes as they come; calls back per whole frame. Throws on a frame no supervisor would send. */
export function frameReader(onFrame: (frame: Frame) => void): (chunk: Buffer) => void {
  let buffer: Buffer = Buffer.alloc(0);
  return (chunk) => {
    buffer = buffer.length === 0 ? chunk : Buffer.concat([buffer, chunk]);
    while (buffer.length >= headerBytes) {
      const rest = buffer.readUInt32LE(0);
      if (rest < 5 || rest > frameBytesMax) throw new Error(`supervisor frame of ${rest} bytes`);
      if (buffer.length < 4 + rest) return;
      onFrame({
        type: buffer.readUInt8(4),
        id: buffer.readUInt32LE(5),
        payload: buffer.subarray(headerBytes, 4 + rest),
      });
      buffer = buffer.subarray(4 + rest);
    }
  };
}
