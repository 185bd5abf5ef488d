import { Refusal } from '../protocol/refusal.ts';

/**
 * Where no key is asked for, whoever reaches the port is let in, and a page in a browser on this machine does.
 * So a request must have been meant for this machine by name (a foreign name that leads here is DNS rebinding),
 * and must not come from a page that this server did not send.
 */
export function refuseForeign(headers: Headers): void {
  const host = headers.get('host') ?? '';
  if (!isLoopbackHost(hostnameOf(`http://${host}`)))
    throw foreign(`Host "${host}" is not this machine: without keys only loopback names are answered`);
  const origin = headers.get('origin');
  if (origin !== null && origin !== `http://${host}`)
    throw foreign(`Origin "${origin}" is another: without keys pages of other origins are refused`);
  const site = headers.get('sec-fetch-site');
  if (site !== null && site !== 'same-origin' && site !== 'none')
    throw foreign('pages of other origins are refused where no key is asked for');
}

function hostnameOf(url: string): string {
  return URL.canParse(url) ? new URL(url).hostname : '';
}

/** Of a host as it is written or as `URL` spells it: `localhost`, 127.0.0.0/8, `::1`. */
export function isLoopbackHost(host: string): boolean {
  const name = host.replace(/^\[|\]$/g, '').toLowerCase();
  return name === 'localhost' || name === '::1' || /^127(\.\d{1,3}){3}$/.test(name);
}

function foreign(message: string): Refusal {
  return new Refusal('permission', message);
}
