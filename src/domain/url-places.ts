/** A part of a server: some paths of it, with everything below them. */
export type UrlPlace = { readonly host: string; readonly port: number; readonly paths: readonly string[] };

/**
 * Whether a request to a port goes to the place. `target` is the request's own, as it was sent: one that does not say
 * plainly where it leads goes nowhere.
 */
export function isWithin(place: UrlPlace, port: number, target: string): boolean {
  if (port !== place.port || !target.startsWith('/') || target.startsWith('//')) return false;
  const [path = ''] = target.split(/[?#]/);
  // What a server might read in another way: encoded characters, dots, backslashes.
  if (!/^[A-Za-z0-9._~!$&'()*+,;=:@/-]*$/.test(path)) return false;
  if (
    path
      .split('/')
      .some((segment, index) => segment === '.' || segment === '..' || (segment === '' && index > 0))
  )
    return false;
  return place.paths.some((allowed) => path === allowed || path.startsWith(`${allowed}/`));
}
