import { execFile, execFileSync, spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo, Server } from 'node:net';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { Authority } from '../../src/hands/egress/certificates.ts';
import { listening, tlsServer } from './local-servers.ts';

const run = promisify(execFile);

/** Files by path; a text beginning with `-> ` is a symbolic link. */
export type Files = Readonly<Record<string, string>>;

/** A real git server over HTTPS: `git http-backend` behind a door that asks for Basic authentication. */
export type GitServer = {
  readonly port: number;
  /** What was asked for, with the credentials in the clear. */
  readonly seen: { readonly method: string; readonly url: string; readonly credentials: string | null }[];
  /** Tokens that may read and write `/owner/name`; without any, everybody may read and nobody write. */
  readonly tokens: Map<string, readonly string[]>;
  /** Answers in place of git when it returns true. */
  guard(door: (request: IncomingMessage, response: ServerResponse) => boolean): void;
  /** Commits files to a branch, and returns the commit. */
  commit(repository: string, files: Files, branch?: string): Promise<string>;
  /** Makes a commit of a tree with whatever names, at the end of `main`. */
  plant(repository: string, entries: readonly Planted[]): Promise<void>;
  /** Runs git on the server's side. */
  git(repository: string, ...args: string[]): Promise<string>;
  close(): void;
};

export type Planted = { readonly mode: string; readonly name: string; readonly text: string };

export async function startGitServer(root: string, authority: Authority): Promise<GitServer> {
  await ensureGit();
  const seen: GitServer['seen'] = [];
  const tokens: GitServer['tokens'] = new Map();
  let guard: Parameters<GitServer['guard']>[0] = () => false;
  const server = await listening(
    tlsServer(authority, (request, response) => {
      const credentials = credentialsIn(request);
      seen.push({ method: request.method ?? '', url: request.url ?? '', credentials });
      if (!guard(request, response)) serve(request, response, credentials);
    }),
  );

  function serve(request: IncomingMessage, response: ServerResponse, credentials: string | null): void {
    const url = new URL(request.url ?? '', 'https://git.test');
    const [, repository = '', rest = ''] = /^(\/[^/]+\/[^/]+?)(?:\.git)?(\/.*)?$/.exec(url.pathname) ?? [];
    const allowed = tokens.get(repository) ?? [];
    const isKnown = credentials !== null && allowed.includes(credentials.slice(credentials.indexOf(':') + 1));
    const isWriting = `${url.pathname}${url.search}`.includes('git-receive-pack');
    if (!isKnown && (credentials !== null || allowed.length > 0 || isWriting)) {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="git"' }).end('who are you?');
      return;
    }
    backend(root, { request, response, path: `${repository}.git${rest}`, query: url.search.slice(1) });
  }

  async function git(repository: string, ...args: string[]): Promise<string> {
    const { stdout } = await run('git', ['-C', join(root, `${repository}.git`), ...args]);
    return stdout.trim();
  }

  async function commit(repository: string, files: Files, branch = 'main'): Promise<string> {
    const bare = join(root, `${repository}.git`);
    const work = join(root, 'work');
    const inWork = (...args: string[]) =>
      run('git', ['-c', 'user.name=Ant', '-c', 'user.email=ant@hill.test', '-C', work, ...args]);
    await run('rm', ['-rf', work]);
    await run('git', ['init', '-q', '--bare', '-b', 'main', bare]);
    await run('git', ['clone', '-q', bare, work]);
    const known = await git(repository, 'branch', '--list', branch);
    await inWork('checkout', '-q', known === '' ? '-B' : '-f', branch);
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(work, path)), { recursive: true });
      if (text.startsWith('-> ')) execFileSync('ln', ['-sfn', text.slice(3), join(work, path)]);
      else writeFileSync(join(work, path), text);
    }
    await inWork('add', '-A');
    await inWork('commit', '-q', '--allow-empty', '-m', `to ${branch}`);
    await inWork('push', '-q', 'origin', `HEAD:refs/heads/${branch}`);
    return (await inWork('rev-parse', 'HEAD')).stdout.trim();
  }

  async function plant(repository: string, entries: readonly Planted[]): Promise<void> {
    const at = (args: string[], input: string) =>
      execFileSync('git', ['-C', join(root, `${repository}.git`), ...args], { input })
        .toString()
        .trim();
    const lines = entries.map(({ mode, name, text }) => {
      return `${mode} blob ${at(['hash-object', '-w', '--stdin'], text)}\t${name}\n`;
    });
    const tree = at(['mktree'], lines.join(''));
    const who = ['-c', 'user.name=Ant', '-c', 'user.email=ant@hill.test'];
    const commit = at([...who, 'commit-tree', tree, '-m', 'planted'], '');
    await git(repository, 'update-ref', 'refs/heads/main', commit);
  }

  return {
    plant,
    port: (server.address() as AddressInfo).port,
    seen,
    tokens,
    guard: (door) => {
      guard = door;
    },
    commit,
    git,
    close: () => close(server),
  };
}

/** Tests with repositories are never skipped: where git is missing it is installed, or somebody has to do it. */
async function ensureGit(): Promise<void> {
  if (await hasGit()) return;
  const env = { PATH: process.env['PATH'], DEBIAN_FRONTEND: 'noninteractive' };
  await run('apt-get', ['update'], { env }).catch(() => undefined);
  await run('apt-get', ['install', '-y', '--no-install-recommends', 'git'], { env }).catch(() => undefined);
  if (!(await hasGit())) throw new Error('git is not installed: run `apt-get install git` as root');
}

function hasGit(): Promise<boolean> {
  return run('git', ['--version']).then(
    () => true,
    () => false,
  );
}

function close(server: Server): void {
  server.close();
}

function credentialsIn({ headers: { authorization = '' } }: IncomingMessage): string | null {
  const [, basic] = /^Basic (.+)$/.exec(authorization) ?? [];
  return basic === undefined ? null : Buffer.from(basic, 'base64').toString();
}

type Asked = {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly path: string;
  readonly query: string;
};

/** RFC 3875, as far as git needs it. */
function backend(root: string, { request, response, path, query }: Asked): void {
  const { headers } = request;
  const child = spawn('git', ['http-backend'], {
    env: {
      PATH: process.env['PATH'],
      GIT_PROJECT_ROOT: root,
      GIT_HTTP_EXPORT_ALL: '1',
      REMOTE_USER: 'ant',
      REQUEST_METHOD: request.method,
      PATH_INFO: path,
      QUERY_STRING: query,
      CONTENT_TYPE: headers['content-type'] ?? '',
      HTTP_CONTENT_ENCODING: headers['content-encoding'] ?? '',
      HTTP_GIT_PROTOCOL: String(headers['git-protocol'] ?? ''),
      // So that commits can be asked for that no branch leads to, as on GitHub.
      GIT_CONFIG_COUNT: '2',
      GIT_CONFIG_KEY_0: 'uploadpack.allowAnySHA1InWant',
      GIT_CONFIG_VALUE_0: 'true',
      GIT_CONFIG_KEY_1: 'safe.directory',
      GIT_CONFIG_VALUE_1: '*',
    },
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  child.stdin.on('error', () => undefined);
  request.pipe(child.stdin);
  let head: Buffer | null = Buffer.alloc(0);
  child.stdout.on('data', (chunk: Buffer) => {
    if (head === null) return void response.write(chunk);
    head = Buffer.concat([head, chunk]);
    const end = head.indexOf('\r\n\r\n');
    if (end === -1) return;
    const lines = head.subarray(0, end).toString().split('\r\n');
    const status = lines.find((line) => line.startsWith('Status: '))?.slice(8, 11);
    const fields = lines.filter((line) => !line.startsWith('Status: ')).map((line) => line.split(': '));
    response.writeHead(Number(status ?? 200), Object.fromEntries(fields));
    response.write(head.subarray(end + 4));
    head = null;
  });
  child.stdout.on('end', () => response.end());
  response.on('close', () => child.kill());
}
