import type { Socket } from 'node:net';
import { isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import type { EgressPolicy, EgressVerdict } from '../../domain/egress-policy.ts';
import { judgeHost, normalHost } from '../../domain/egress-policy.ts';
import { egressPrefaceMsMax, egressRefusalMsMax, egressSilenceMs } from '../../domain/limits.ts';
import type { Injection } from '../../domain/sandbox-secrets.ts';
import type { UrlPlace } from '../../domain/url-places.ts';
import type { Authority } from './certificates.ts';
import type { FirstBytes } from './client-hello.ts';
import type { Dialler } from './dial.ts';
import { undialled } from './dial.ts';
import { nextBytes, peek, readLine } from './first-bytes.ts';
import type { Fate, Relay } from './relay.ts';

/**
 * One connection of a program in a sandbox, from the forwarder's line "HOST PORT" to its end:
 *
 *   judge the host ── refused ──────────────────────────────▶ a page that says so, in TLS as well
 *     └─ allowed ── as a repository ─────────────▶ opened; what goes elsewhere is refused request by request: relay.ts
 *          ├─ no secret is for this host ─▶ dial ─────▶ bytes both ways, nothing is looked into
 *          └─ a secret is ── TLS or HTTP ───────────────────▶ opened, request by request: relay.ts
 *                     └─ anything else ────────────────────▶ dial, bytes both ways
 *
 * What a program says is untrusted and may come slowly: nothing but the connection itself waits for it.
 */
export type ConnectionContext = {
  readonly policy: EgressPolicy;
  readonly authority: Authority;
  readonly dialler: Dialler;
  readonly relay: Relay;
  readonly injectionsFor: (host: string) => Promise<readonly Injection[]>;
  /** The only places of a host that is allowed for the sake of repositories; null: all of it. */
  readonly placesOf: (host: string) => readonly UrlPlace[] | null;
  readonly onVerdict: (host: string, port: number, verdict: EgressVerdict) => void;
};

const lineBytesMax = 300;
type Place = { readonly host: string; readonly port: number };
type Kind = Exclude<FirstBytes, { type: 'incomplete' }> | null;

export async function serveConnection(socket: Socket, context: ConnectionContext): Promise<void> {
  const place = await readPlace(socket);
  if (place === null) return void socket.destroy();
  const verdict = judgeHost(context.policy, place.host);
  if (verdict.result !== 'allowed') return await turnAway(socket, place, verdict, context);
  if (verdict.reason === 'repository') return await openRepository(socket, place, verdict, context);
  const injections = await context.injectionsFor(place.host);
  if (injections.length === 0) return await connectThrough(socket, place, verdict, context);
  const kind = await firstToSpeak(socket, place, context);
  if (kind === 'server') return await connectThrough(socket, place, verdict, context);
  const isNamed = injections.some((injection) => injection.isNamed);
  if (kind?.type === 'tls' || (kind?.type === 'http' && isNamed))
    return await open(socket, { ...place, kind }, verdict, context);
  return await connectThrough(socket, place, verdict, context);
}

async function openRepository(
  socket: Socket,
  place: Place,
  verdict: EgressVerdict,
  context: ConnectionContext,
): Promise<void> {
  const kind = await peek(socket, AbortSignal.timeout(egressPrefaceMsMax));
  if (kind?.type === 'tls') return await open(socket, { ...place, kind }, verdict, context);
  await turnAway(socket, place, { result: 'refused', reason: 'host_not_allowed' }, context);
}

async function readPlace(socket: Socket): Promise<Place | null> {
  const line = await readLine(socket, lineBytesMax, AbortSignal.timeout(egressPrefaceMsMax));
  const [, host = '', port = ''] = /^(\S{1,253}) (\d{1,5})$/.exec(line ?? '') ?? [];
  return host === '' ? null : { host: normalHost(host), port: Number(port) };
}

/** Clients of TLS and HTTP begin. A silent one may wait for its server, which is asked then who speaks first. */
async function firstToSpeak(
  socket: Socket,
  { host, port }: Place,
  { dialler }: ConnectionContext,
): Promise<Kind | 'server'> {
  const kind = await peek(socket, AbortSignal.timeout(egressSilenceMs));
  if (kind !== null) return kind;
  const over = new AbortController();
  const closed = () => over.abort();
  socket.once('close', closed);
  try {
    const upstream = await dialler.dial(host, port, over.signal).catch(() => null);
    const server = upstream && nextBytes(upstream, over.signal).then(() => 'server' as const);
    const client = peek(socket, over.signal);
    const first = await Promise.race(server ? [client, server] : [client]);
    upstream?.destroy();
    return first;
  } finally {
    over.abort();
    socket.off('close', closed);
  }
}

/** Bytes both ways. What the client says is held back until it is known to be meant for this host. */
async function connectThrough(
  socket: Socket,
  place: Place,
  verdict: EgressVerdict,
  context: ConnectionContext,
): Promise<void> {
  const gone = new AbortController();
  socket.once('close', () => gone.abort());
  let upstream: Socket;
  try {
    upstream = await context.dialler.dial(place.host, place.port, gone.signal);
  } catch (cause) {
    if (socket.destroyed) return;
    return await turnAway(socket, place, undialled(cause).verdict, context);
  }
  if (socket.destroyed) return void upstream.destroy();
  context.onVerdict(place.host, place.port, verdict);
  const part = join(socket, upstream);
  const kind = await peek(socket, gone.signal);
  if (isElsewhere(kind, place.host)) {
    part();
    return await turnAway(socket, place, { result: 'refused', reason: 'host_mismatch' }, context);
  }
  socket.pipe(upstream);
}

/** Lets the server speak, and neither outlive the other. What it returns parts them again. */
function join(socket: Socket, upstream: Socket): () => void {
  // A program may be slow to read what came last.
  const onUpstreamClose = () => (upstream.readableEnded ? undefined : socket.destroy());
  upstream.on('error', () => upstream.destroy());
  upstream.once('close', onUpstreamClose);
  socket.once('close', () => upstream.destroy());
  upstream.pipe(socket);
  return () => {
    upstream.off('close', onUpstreamClose);
    upstream.unpipe(socket);
    upstream.destroy();
  };
}

/** A TLS server that knows several names must not be asked for one that was not decided about. */
function isElsewhere(kind: Kind, host: string): boolean {
  if (kind?.type !== 'tls' || kind.serverName === null || isIP(host) !== 0) return false;
  return normalHost(kind.serverName) !== host;
}

async function open(
  socket: Socket,
  { host, port, kind }: Place & { readonly kind: Kind },
  verdict: EgressVerdict,
  context: ConnectionContext,
): Promise<void> {
  if (isElsewhere(kind, host))
    return await turnAway(socket, { host, port }, { result: 'refused', reason: 'host_mismatch' }, context);
  context.onVerdict(host, port, verdict);
  const isTls = kind?.type === 'tls';
  context.relay.serve(isTls ? decrypted(socket, host, context.authority) : socket, {
    type: 'relay',
    host,
    port,
    isTls,
    injections: () => context.injectionsFor(host),
    places: verdict.reason === 'repository' ? context.placesOf(host) : null,
    onVerdict: (later) => context.onVerdict(host, port, later),
  });
}

/** Who speaks TLS or HTTP reads why; all others find the connection closed. */
async function turnAway(
  socket: Socket,
  { host, port }: Place,
  verdict: EgressVerdict,
  { authority, relay, onVerdict }: ConnectionContext,
): Promise<void> {
  onVerdict(host, port, verdict);
  const deadline = AbortSignal.timeout(egressRefusalMsMax);
  const end = () => socket.destroy();
  deadline.addEventListener('abort', end, { once: true });
  socket.once('close', () => deadline.removeEventListener('abort', end));
  const kind = await peek(socket, deadline);
  const fate: Fate = { type: 'refuse', host, verdict };
  if (kind?.type === 'tls') relay.serve(decrypted(socket, kind.serverName ?? host, authority), fate);
  else if (kind?.type === 'http') relay.serve(socket, fate);
  else socket.destroy();
}

function decrypted(socket: Socket, host: string, authority: Authority): Duplex {
  const tls = new TLSSocket(socket, {
    isServer: true,
    secureContext: authority.contextFor(host),
    ALPNProtocols: ['http/1.1'],
  });
  tls.on('error', () => socket.destroy());
  tls.on('close', () => socket.destroy());
  return tls;
}
