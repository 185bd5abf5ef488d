import { getCACertificates } from 'node:tls';

/** Those that the machine trusts, PEM. Reading them takes a while, and is needed only where secrets are sent. */
export function readAuthorities(): () => readonly string[] {
  let read: readonly string[] | null = null;
  return () => {
    read ??= [...new Set([...getCACertificates('default'), ...getCACertificates('system')])];
    return read;
  };
}
