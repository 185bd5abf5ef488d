import type { IncomingMessage } from 'node:http';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import type { Log } from '../../base/log.ts';
import type { ToolOutcome } from '../../domain/hands.ts';
import { fetchBytesMax, fetchMsMax, fetchPageBytesMax, fetchRedirectsMax } from '../../domain/limits.ts';
import { fetchError } from '../../domain/tools/web-fetch.ts';
import { domainProblem, isAllowedHost } from '../../domain/tools/web-places.ts';
import type { FetchErrorCode, FetchPage, Web, WebDomains } from '../../domain/web.ts';
import type { EnvironmentConfig } from '../../protocol/environments.ts';
import type { Dialler } from '../egress/dial.ts';
import { Undialled } from '../egress/dial.ts';
import { said } from '../tools/outcome.ts';
import { readablePage } from './readable.ts';
import type { SearchSettings } from './search.ts';
import { createSearch } from './search.ts';

export type WebOptions = {
  /** What it does not dial is not fetched, at no redirect: addresses that are not public, and this machine's. */
  readonly dialler: Dialler;
  readonly configOf: (environmentId: string) => Promise<EnvironmentConfig | null>;
  /** Of this server, told to others. */
  readonly version: string;
  /** `null`: nothing to search with. */
  readonly search: SearchSettings | null;
  readonly log: Pick<Log, 'warn'>;
};

/** A page that was not fetched, and why. */
class Unfetched extends Error {
  readonly code: FetchErrorCode;
  constructor(code: FetchErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

const charactersPerToken = 3.5;

/** The server's own way to the web, for tools that need no sandbox. */
export function createWeb({ dialler, configOf, version, search, log }: WebOptions): Web {
  return {
    canSearch: search !== null,
    search: createSearch({ settings: search, configOf, version, log }),
    async fetchPage(page, signal) {
      const config = await configOf(page.environmentId);
      const limit = AbortSignal.any([signal, AbortSignal.timeout(fetchMsMax)]);
      try {
        return await fetched(page, (url) => open(url, limit));

        async function open(url: URL, ends: AbortSignal): Promise<IncomingMessage> {
          checkPlace(url, page.domains, config);
          dialler.check(url.hostname.replace(/^\[|\]$/g, ''));
          return await answerOf(url, { dialler, version, signal: ends });
        }
      } catch (cause) {
        const { code, message } = explained(cause, signal.aborted);
        return fetchError(code, message);
      }
    },
  };
}

/** The lists of the tool, and the hosts that the environment allows (spec/tools.md, Web tools). */
function checkPlace(url: URL, domains: WebDomains, config: EnvironmentConfig | null): void {
  const problem = domainProblem(url.href, domains);
  if (problem !== null) throw new Unfetched('url_not_allowed', problem);
  if (isAllowedHost(url.hostname, config)) return;
  throw new Unfetched('url_not_allowed', `the environment does not allow ${url.hostname}`);
}

async function fetched(page: FetchPage, open: (url: URL) => Promise<IncomingMessage>): Promise<ToolOutcome> {
  let url = new URL(page.url);
  for (let hops = 0; ; hops++) {
    const answer = await open(url);
    const status = answer.statusCode ?? 0;
    const { location } = answer.headers;
    if (status >= 300 && status < 400 && location !== undefined && URL.canParse(location, url.href)) {
      answer.destroy();
      if (hops >= fetchRedirectsMax) throw new Unfetched('url_not_accessible', 'too many redirects');
      url = new URL(location, url);
      if (!/^https?:$/.test(url.protocol))
        throw new Unfetched('url_not_accessible', 'a redirect to no web page');
      continue;
    }
    if (status === 429) throw new Unfetched('too_many_requests', `${url.hostname} asks for fewer requests`);
    if (status < 200 || status >= 300) throw new Unfetched('url_not_accessible', `HTTP ${status}`);
    return await shown(answer, url, page);
  }
}

type Way = { readonly dialler: Dialler; readonly version: string; readonly signal: AbortSignal };

function answerOf(url: URL, { dialler, version, signal }: Way): Promise<IncomingMessage> {
  const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const headers = {
      accept:
        'text/html, application/xhtml+xml, text/*;q=0.9, application/json;q=0.9, application/pdf;q=0.8, */*;q=0.1',
      'accept-encoding': 'identity',
      'user-agent': `anthill/${version} (web_fetch)`,
    };
    const sent = send(url, { headers, lookup: dialler.lookup, signal, agent: false });
    sent.once('response', resolve);
    sent.once('error', reject);
    sent.end();
  });
}

async function shown(answer: IncomingMessage, url: URL, { tokensMax }: FetchPage): Promise<ToolOutcome> {
  const [type = '', ...parameters] = (answer.headers['content-type'] ?? 'text/html').toLowerCase().split(';');
  const kind = kindOf(type.trim());
  if (kind === null) {
    answer.destroy();
    throw new Unfetched('unsupported_content_type', `${url.href} is of type ${type.trim()}`);
  }
  const { bytes, isCut } = await readUpTo(answer, kind === 'page' ? fetchPageBytesMax : fetchBytesMax);
  if (kind === 'pdf') {
    if (isCut) throw new Unfetched('unavailable', 'the document is too large');
    const source = { type: 'base64', media_type: 'application/pdf', data: bytes.toString('base64') } as const;
    return { content: [{ type: 'document', source, title: url.href }], isError: false };
  }
  const charset = parameters.find((each) => each.trim().startsWith('charset='))?.split('=')[1];
  const text = decoded(bytes, charset);
  const { title, text: body } = kind === 'page' ? readablePage(text, url.href) : { title: '', text };
  const most = tokensMax === null ? Number.POSITIVE_INFINITY : Math.floor(tokensMax * charactersPerToken);
  const isShort = isCut || body.length > most;
  const heading = title === '' ? url.href : `${title}\n${url.href}`;
  return said(`${heading}\n\n${body.slice(0, most)}${isShort ? '\n\n[the rest was left out]' : ''}`);
}

function kindOf(type: string): 'page' | 'text' | 'pdf' | null {
  if (type === 'text/html' || type === 'application/xhtml+xml') return 'page';
  if (type === 'application/pdf') return 'pdf';
  const isText = /^text\/|^application\/(.+\+)?(json|xml|yaml|javascript)$|^application\/x-(yaml|ndjson)$/;
  return isText.test(type) ? 'text' : null;
}

async function readUpTo(
  answer: IncomingMessage,
  bytesMax: number,
): Promise<{ bytes: Buffer; isCut: boolean }> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of plainBytes(answer)) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > bytesMax) break;
  }
  return { bytes: Buffer.concat(chunks).subarray(0, bytesMax), isCut: size > bytesMax };
}

/** Some servers compress although they were asked not to. */
function plainBytes(answer: IncomingMessage): AsyncIterable<Buffer> {
  const encoding = answer.headers['content-encoding']?.trim().toLowerCase() ?? 'identity';
  const decoder = decoders[encoding];
  if (decoder) return pipeline(answer, decoder(), () => {});
  if (encoding === 'identity') return answer;
  answer.destroy();
  throw new Unfetched('unsupported_content_type', `it is encoded as ${encoding}`);
}

const decoders: Readonly<Record<string, () => Duplex>> = {
  gzip: createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
};

function decoded(bytes: Buffer, charset: string | undefined): string {
  try {
    return new TextDecoder(charset?.trim().replaceAll('"', '') ?? 'utf-8').decode(bytes);
  } catch {
    return new TextDecoder().decode(bytes);
  }
}

function explained(cause: unknown, isAborted: boolean): { code: FetchErrorCode; message: string } {
  if (isAborted) return { code: 'unavailable', message: 'interrupted' };
  if (cause instanceof Unfetched) return { code: cause.code, message: cause.message };
  if (cause instanceof Undialled) return { code: 'url_not_accessible', message: cause.verdict.reason };
  const isLate = cause instanceof Error && cause.name === 'TimeoutError';
  return {
    code: 'url_not_accessible',
    message: isLate ? 'no answer in time' : 'it could not be connected to',
  };
}
