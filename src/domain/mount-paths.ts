import { invalid } from '../protocol/refusal.ts';
import type { ParamsOf } from '../protocol/session-resources.ts';
import { repositoryUrlOf } from '../protocol/session-resources.ts';
import { utf8Bytes } from '../protocol/text.ts';
import { pathBytesMax, pathSegmentBytesMax } from './limits.ts';

/** Where resources stand inside a sandbox (spec/files.md, Mounting into a session; spec/memory.md, Mount). */

/** Where a file is mounted: below the uploads directory, whatever was asked for. */
export function filePath({ file_id, mount_path }: ParamsOf<'file'>, field = 'mount_path'): string {
  if (mount_path == null) return `/mnt/session/uploads/${file_id}`;
  const segments = segmentsOf(mount_path, field);
  const below = ['mnt', 'session', 'uploads'].every((name, index) => segments[index] === name)
    ? segments.slice(3)
    : segments.slice(segments[0] === 'uploads' ? 1 : 0);
  if (below.length === 0 || /\/\.?$/.test(mount_path)) throw invalid(`${field}: must name a file`);
  return joined(['mnt', 'session', 'uploads', ...below], field);
}

export function repositoryPath(
  { url, mount_path }: ParamsOf<'github_repository'>,
  field = 'mount_path',
): string {
  if (mount_path == null) return `/workspace/${repositoryUrlOf(url)?.name}`;
  const segments = segmentsOf(mount_path, field);
  if (!mount_path.startsWith('/') || segments[0] !== 'workspace' || segments.length === 1) {
    throw invalid(`${field}: must be below /workspace`);
  }
  return joined(segments, field);
}

function segmentsOf(path: string, field: string): string[] {
  if (/\p{Cc}/u.test(path)) throw invalid(`${field}: must not contain control characters`);
  if (!path.isWellFormed()) throw invalid(`${field}: must be valid Unicode`);
  const segments = path.split('/').filter((segment) => segment !== '' && segment !== '.');
  if (segments.includes('..')) throw invalid(`${field}: must not contain ".."`);
  if (segments.some((segment) => utf8Bytes(segment) > pathSegmentBytesMax)) {
    throw invalid(`${field}: each part must be at most ${pathSegmentBytesMax} bytes`);
  }
  return segments;
}

function joined(segments: readonly string[], field: string): string {
  const path = `/${segments.join('/')}`;
  if (utf8Bytes(path) > pathBytesMax)
    throw invalid(`${field}: must be at most ${pathBytesMax} bytes where it is mounted`);
  return path;
}

export type PlacedMount = {
  readonly path: string;
  /** What to call it in a refusal. */
  readonly field: string;
};

/** No two mounts at one place, none inside another; the later of two is refused. */
export function checkApart(mounts: readonly PlacedMount[]): void {
  const rank = new Map(mounts.map((mount, index) => [mount, index]));
  const earlier = (a: PlacedMount, b: PlacedMount) => (rank.get(a) ?? 0) - (rank.get(b) ?? 0);
  // Whatever begins with a path follows it at once when all are sorted.
  const sorted = mounts.toSorted((a, b) => (`${a.path}/` < `${b.path}/` ? -1 : 1));
  for (const [index, mount] of sorted.entries()) {
    const next = sorted[index + 1];
    if (!next || !`${next.path}/`.startsWith(`${mount.path}/`)) continue;
    const [first, second] = earlier(mount, next) < 0 ? [mount, next] : [next, mount];
    throw invalid(
      first.path === second.path
        ? `${second.field}: ${second.path} is already taken by ${first.field}`
        : `${second.field}: ${second.path} overlaps ${first.path} of ${first.field}`,
    );
  }
}

/** `/mnt/memory/<slug>`, a number behind it while `isTaken`. */
export function memoryPath(
  store: { readonly id: string; readonly name: string },
  isTaken: (path: string) => boolean,
): string {
  const slug = slugOf(store.name) || store.id.replace(/^memstore_/, '');
  let path = `/mnt/memory/${slug}`;
  // Only so many stores are attached that a free number comes soon.
  for (let count = 2; isTaken(path); count++) {
    path = `/mnt/memory/${slug.slice(0, pathSegmentBytesMax - 4)}-${count}`;
  }
  return path;
}

function slugOf(name: string): string {
  return name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '');
}
