import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { repositoryProbeMsMax, repositoryRedirectsMax, repositoryRefsBytesMax } from '../../domain/limits.ts';
import { RepositoryProblem, repositoryUser, statusProblem } from '../../domain/repositories.ts';
import type { Dialler } from '../egress/dial.ts';
import { undialled } from '../egress/dial.ts';

export type ProbeOptions = {
  readonly dialler: Dialler;
  /** Certificates of the authorities that servers are checked with, PEM. */
  readonly trusted: () => readonly string[];
};

export type Probed = {
  /** Another one whenever a branch or tag of the repository is another. */
  readonly fingerprint: string;
  /** The branch that it begins with, `refs/heads/…`; null when it is empty. */
  readonly head: string | null;
};

/** Asks for a repository's branches as this token: rejects with a `RepositoryProblem` when it may not see them. */
export type ProbeRepository = (url: string, token: string | null, signal: AbortSignal) => Promise<Probed>;

const headBytes = 64 * 1024;
const service = '/info/refs?service=git-upload-pack';

/**
 * What git itself asks first (gitprotocol-http(5)), asked by the server, which has the token and understands the
 * status. Whoever may not read the repository now gets nothing that was kept of it either.
 */
export function createProbe({ dialler, trusted }: ProbeOptions): ProbeRepository {
  function ask(url: URL, token: string | null, signal: AbortSignal): Promise<IncomingMessage> {
    dialler.check(url.hostname);
    const credentials = Buffer.from(`${repositoryUser}:${token}`).toString('base64');
    const headers = {
      accept: 'application/x-git-upload-pack-advertisement',
      'accept-encoding': 'identity',
      'user-agent': 'git/2 (anthill)',
      ...(token === null ? {} : { authorization: `Basic ${credentials}` }),
    };
    return new Promise((resolve, reject) => {
      const sent = request(url, {
        headers,
        lookup: dialler.lookup,
        ca: [...trusted()],
        agent: false,
        signal,
      });
      sent.once('response', resolve);
      sent.once('error', reject);
      sent.end();
    });
  }

  return async (repository, token, signal) => {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(repositoryProbeMsMax)]);
    let url = new URL(repository + service);
    try {
      for (let hops = 0; ; hops++) {
        const answer = await ask(url, token, limit);
        const next = redirected(answer, url);
        if (next === null) return await readRefs(answer, token !== null);
        answer.destroy();
        if (next.host !== url.host || next.protocol !== 'https:' || hops >= repositoryRedirectsMax)
          throw new RepositoryProblem('repository_clone_error', 'its server sends us elsewhere');
        url = next;
      }
    } catch (cause) {
      if (cause instanceof RepositoryProblem) throw cause;
      throw new RepositoryProblem('repository_clone_error', explained(cause, limit));
    }
  };
}

function redirected({ statusCode = 0, headers: { location } }: IncomingMessage, from: URL): URL | null {
  const isRedirect = statusCode >= 300 && statusCode < 400 && location !== undefined;
  return isRedirect && URL.canParse(location, from.href) ? new URL(location, from) : null;
}

async function readRefs(answer: IncomingMessage, hasToken: boolean): Promise<Probed> {
  const problem = statusProblem(answer.statusCode ?? 0, hasToken);
  const type = answer.headers['content-type'] ?? '';
  if (problem !== null || !type.startsWith('application/x-git-upload-pack-advertisement')) {
    answer.destroy();
    throw problem ?? new RepositoryProblem('repository_clone_error', 'its server does not speak git');
  }
  const hash = createHash('sha256');
  let size = 0;
  let beginning: Buffer = Buffer.alloc(0);
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > repositoryRefsBytesMax)
      throw new RepositoryProblem('repository_clone_error', 'it has too many branches and tags');
    hash.update(chunk);
    if (beginning.length < headBytes) beginning = Buffer.concat([beginning, chunk]).subarray(0, headBytes);
  }
  const head = /[ \0]symref=HEAD:(refs\/heads\/[^\s\0]{1,255})/.exec(beginning.toString())?.[1] ?? null;
  return { fingerprint: hash.digest('hex'), head };
}

function explained(cause: unknown, limit: AbortSignal): string {
  if (limit.aborted) return 'its server did not answer in time';
  const { verdict } = undialled(cause);
  if (verdict.reason === 'name_not_found') return 'its host has no address';
  if (verdict.result === 'refused')
    return 'its host is or leads to an address that is not public; who runs this server can exempt it';
  return 'its server could not be connected to';
}
