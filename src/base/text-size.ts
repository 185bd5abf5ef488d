/**
 * About how many characters a plain value holds: those of its texts and names, and a few for everything
 * else. For bounding buffers, where serialising would cost too much.
 */
export function textSize(value: unknown): number {
  if (typeof value === 'string') return value.length;
  if (typeof value !== 'object' || value === null) return 8;
  let size = 16;
  for (const [name, part] of Object.entries(value)) size += name.length + textSize(part);
  return size;
}
