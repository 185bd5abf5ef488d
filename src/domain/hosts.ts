/** A bare host covers itself only, `*.host` its subdomains only (spec/environments.md, Networking). */
export function coversHost(pattern: string, host: string): boolean {
  const [wanted, actual] = [pattern.toLowerCase(), host.toLowerCase()];
  return wanted.startsWith('*.') ? actual.endsWith(wanted.slice(1)) : actual === wanted;
}
