/**
 * The media type of a whole image, or null. By content, never by name: one block that is not the image it
 * claims to be makes every later request of the session fail.
 */
export function imageTypeOf(bytes: Uint8Array): string | null {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, 16)).toString('latin1');
  if (head.startsWith('\x89PNG\r\n\x1a\n') && head.slice(12, 16) === 'IHDR') return 'image/png';
  if (head.startsWith('\xff\xd8\xff')) return 'image/jpeg';
  if (/^GIF8[79]a/.test(head)) return 'image/gif';
  if (/^RIFF[\s\S]{4}WEBPVP8/.test(head)) return 'image/webp';
  return null;
}

/** A cut download has the right beginning, too. */
export function isWholeImage(mediaType: string, bytes: Uint8Array): boolean {
  const image = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  switch (mediaType) {
    case 'image/png':
      return image.includes('IEND', 16);
    case 'image/jpeg':
      return image.includes(Buffer.from([0xff, 0xd9]), 3);
    case 'image/gif':
      return image.includes(0x3b, 13);
    default:
      return image.readUInt32LE(4) + 8 <= image.length;
  }
}
