import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, Agent as PlainAgent, request as plainRequest } from 'node:http';
import { Agent as TlsAgent, request as tlsRequest } from 'node:https';
import { isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import type { EgressVerdict, RefusalReason } from '../../domain/egress-policy.ts';
import { explainVerdict, normalHost } from '../../domain/egress-policy.ts';
import { injectedBodyBytesMax } from '../../domain/limits.ts';
import type { Injection } from '../../domain/sandbox-secrets.ts';
import type { UrlPlace } from '../../domain/url-places.ts';
import { isWithin } from '../../domain/url-places.ts';
import type { Dialler } from './dial.ts';
import { undialled } from './dial.ts';
import type { HeaderLines, Injected } from './injection.ts';
import { endToEnd, injectHeaders, replacementsIn, scrubHeaders, valuesIn, without } from './injection.ts';
import { createReplacer, replaceAll } from './substitute.ts';

/** What becomes of the requests on one connection. */
export type Fate =
  | { readonly type: 'refuse'; readonly host: string; readonly verdict: EgressVerdict }
  | {
      readonly type: 'relay';
      readonly host: string;
      readonly port: number;
      readonly isTls: boolean;
      /** The secrets for this host as of now. */
      readonly injections: () => Promise<readonly Injection[]>;
      /** Requests may go nowhere else; null: anywhere on this host. */
      readonly places: readonly UrlPlace[] | null;
      readonly onVerdict: (verdict: EgressVerdict) => void;
    };
type Target = Extract<Fate, { type: 'relay' }>;

/** An HTTP server on connections that others accepted, for what must be looked into: refusals and secrets. */
export type Relay = {
  /** `connection` is decrypted. */
  serve(connection: Duplex, fate: Fate): void;
  close(): void;
};

export type RelayOptions = {
  readonly dialler: Dialler;
  /** Certificates of the authorities that servers are checked with, PEM. */
  readonly trusted: () => readonly string[];
};

export function createRelay({ dialler, trusted }: RelayOptions): Relay {
  const fates = new WeakMap<Duplex, Fate>();
  const agents = {
    tls: new TlsAgent({ keepAlive: true, maxFreeSockets: 16 }),
    plain: new PlainAgent({ keepAlive: true, maxFreeSockets: 16 }),
  };
  const server = createServer((request, response) => {
    const fate = fates.get(request.socket);
    if (fate?.type === 'relay') void relay(fate, request, response).catch(() => response.destroy());
    else if (fate) refuse(response, fate.host, fate.verdict);
  });
  server.on('upgrade', (request, socket, head) => {
    const fate = fates.get(socket);
    if (fate?.type === 'relay') void upgrade(fate, request, { socket, head }).catch(() => socket.destroy());
    else socket.destroy();
  });
  server.on('clientError', (_, socket) => socket.destroy());

  function start(target: Target, request: IncomingMessage, headers: string[], isUpgrade = false) {
    const { host, port, isTls } = target;
    dialler.check(host);
    const common = { host, port, method: request.method, path: request.url, headers, setHost: false };
    const options = { ...common, lookup: dialler.lookup };
    if (!isTls) return plainRequest({ ...options, agent: isUpgrade ? false : agents.plain });
    const servername = isIP(host) === 0 ? host : '';
    return tlsRequest({
      ...options,
      ca: [...trusted()],
      servername,
      agent: isUpgrade ? false : agents.tls,
    });
  }

  async function relay(target: Target, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const problem = problemOf(target, request);
    if (problem !== null) return turnDown(target, response, problem);
    const injections = usable(target, request, await target.injections());
    const injected = injectHeaders(endToEnd(request.rawHeaders), injections);
    const body = await bodyOf(request, injections, injected.headers);
    try {
      const upstream = start(target, request, body.headers);
      upstream.on('response', (answer) => passOn(answer, response, injected));
      upstream.on('error', (cause) => fail(target, response, cause));
      response.on('close', () => upstream.destroy());
      if (Buffer.isBuffer(body.content)) upstream.end(body.content);
      else if (body.content === null) upstream.end();
      else pipeline([request, ...body.content, upstream], () => {});
    } catch (cause) {
      fail(target, response, cause);
    }
  }

  async function upgrade(
    target: Target,
    request: IncomingMessage,
    { socket, head }: { readonly socket: Duplex; readonly head: Buffer },
  ): Promise<void> {
    socket.on('error', () => socket.destroy());
    if (problemOf(target, request) !== null) return void socket.destroy();
    const asked = without(request.rawHeaders, 'sec-websocket-extensions');
    const { headers, scrubbed } = injectHeaders(asked, usable(target, request, await target.injections()));
    const upstream = start(target, request, headers, true);
    upstream.on('upgrade', (answer, other, otherHead) => {
      socket.write(headOf(answer, scrubHeaders(answer.rawHeaders, scrubbed)));
      other.unshift(otherHead);
      other.write(head);
      pipeline(socket, other, () => {});
      pipeline(other, createReplacer(scrubbed), socket, () => {});
    });
    upstream.on('response', (answer) => {
      const lines = scrubHeaders(endToEnd(answer.rawHeaders), scrubbed);
      socket.write(headOf(answer, [...lines, 'connection', 'close']));
      pipeline(answer, createReplacer(scrubbed), socket, () => {});
    });
    upstream.on('error', (cause) => {
      target.onVerdict(undialled(cause).verdict);
      socket.destroy();
    });
    socket.on('close', () => upstream.destroy());
    upstream.end();
  }

  return {
    serve(connection, fate) {
      fates.set(connection, fate);
      server.emit('connection', connection);
    },
    close() {
      agents.tls.destroy();
      agents.plain.destroy();
    },
  };
}

/** Without encryption a secret goes only where its credential says so by name; some are for a part of the host. */
function usable(
  { isTls, port }: Target,
  { url = '' }: IncomingMessage,
  injections: readonly Injection[],
): readonly Injection[] {
  return injections.filter(
    ({ isNamed, place }) => (isTls || isNamed) && (place === undefined || isWithin(place, port, url)),
  );
}

function problemOf(target: Target, request: IncomingMessage): RefusalReason | null {
  if (!isFor(target, request)) return 'host_mismatch';
  const { places, port } = target;
  const isAllowed = places === null || places.some((place) => isWithin(place, port, request.url ?? ''));
  return isAllowed ? null : 'host_not_allowed';
}

/**
 * A server that answers for several hosts must not be asked for one that was not decided about: not by a second
 * `Host`, nor by a whole URL in the request line, which would count for more (RFC 9112, 3.2.2).
 */
function isFor({ host }: Target, { rawHeaders, url = '' }: IncomingMessage): boolean {
  const isBare = url.startsWith('/') || url === '*';
  const named = valuesIn(rawHeaders, 'host').map((value) => normalHost(value.replace(/:\d*$/, '')));
  return isBare && named.every((name) => name === host);
}

function turnDown(target: Target, response: ServerResponse, reason: RefusalReason): void {
  const verdict = { result: 'refused', reason } as const;
  target.onVerdict(verdict);
  refuse(response, target.host, verdict);
}

function fail(target: Target, response: ServerResponse, cause: unknown): void {
  if (response.headersSent) return void response.destroy();
  const { verdict } = undialled(cause);
  target.onVerdict(verdict);
  refuse(response, target.host, verdict);
}

const statuses = { allowed: 502, failed: 502, refused: 403 } as const;

function refuse(response: ServerResponse, host: string, verdict: EgressVerdict): void {
  const body = `${explainVerdict(host, verdict)}\n`;
  const status = verdict.reason === 'host_mismatch' ? 421 : statuses[verdict.result];
  response.writeHead(status, {
    'content-type': 'text/plain; charset=utf-8',
    'content-length': Buffer.byteLength(body),
    'x-anthill-egress': verdict.reason,
    connection: 'close',
  });
  response.end(body);
}

type Body = {
  readonly headers: string[];
  /** All of it, what it passes through, or nothing. */
  readonly content: Buffer | readonly Duplex[] | null;
};

/** Short bodies are put together, so that their length is known; others are changed as they pass. */
async function bodyOf(
  request: IncomingMessage,
  injections: readonly Injection[],
  headers: string[],
): Promise<Body> {
  const length = request.headers['content-length'];
  const isChunked = request.headers['transfer-encoding'] !== undefined;
  if (length === undefined && !isChunked) return { headers, content: null };
  const chunked = [...without(headers, 'content-length'), 'transfer-encoding', 'chunked'];
  const replacements = replacementsIn(injections, 'body');
  const isPlain = request.headers['content-encoding'] === undefined && replacements.length > 0;
  if (!isPlain) return { headers: isChunked ? chunked : headers, content: [] };
  if (isChunked || Number(length) > injectedBodyBytesMax)
    return { headers: chunked, content: [createReplacer(replacements)] };
  const content = replaceAll(await buffer(request), replacements);
  return {
    headers: [...without(headers, 'content-length'), 'content-length', String(content.length)],
    content,
  };
}

function passOn(answer: IncomingMessage, response: ServerResponse, { scrubbed }: Injected): void {
  const headers = scrubHeaders(endToEnd(answer.rawHeaders), scrubbed);
  response.writeHead(answer.statusCode ?? 502, answer.statusMessage, headers);
  // Event streams begin with their headers, long before their first event.
  response.flushHeaders();
  const isPlain = valuesIn(headers, 'content-encoding').length === 0 && scrubbed.length > 0;
  const through = isPlain ? [createReplacer(scrubbed)] : [];
  pipeline([answer, ...through, response], () => {});
}

function headOf({ statusCode, statusMessage }: IncomingMessage, headers: HeaderLines): string {
  const lines = Array.from(
    { length: headers.length / 2 },
    (_, index) => `${headers[2 * index]}: ${headers[2 * index + 1]}\r\n`,
  );
  return `HTTP/1.1 ${statusCode} ${statusMessage}\r\n${lines.join('')}\r\n`;
}
