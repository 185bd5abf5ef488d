import { randomBytes } from 'node:crypto';
import { lstatSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import type { Server, Socket } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getCACertificates } from 'node:tls';
import type { Clock } from '../../base/clock.ts';
import type { SessionId } from '../../base/ids.ts';
import type { Log } from '../../base/log.ts';
import type { ReadEnvironmentConfig } from '../../domain/egress.ts';
import type { EgressAgent, EgressSettings, EgressVerdict } from '../../domain/egress-policy.ts';
import { allowingRepositories, egressPolicy } from '../../domain/egress-policy.ts';
import { egressConnectionsMax } from '../../domain/limits.ts';
import type { RepositoryTokens } from '../../domain/repositories.ts';
import type { SandboxSpec } from '../../domain/sandbox.ts';
import type { Injection, SandboxSecrets, SecretHolder } from '../../domain/sandbox-secrets.ts';
import type { SessionState } from '../../domain/session/state.ts';
import type { EnvironmentConfig } from '../../protocol/environments.ts';
import { readAuthorities } from './authorities.ts';
import type { Authority } from './certificates.ts';
import { createAuthority } from './certificates.ts';
import type { ConnectionContext } from './connection.ts';
import { serveConnection } from './connection.ts';
import type { ResolveName } from './dial.ts';
import { createDialler, createResolveName } from './dial.ts';
import type { Recorder } from './recorder.ts';
import { createRelay } from './relay.ts';
import { sessionRepositories } from './repositories.ts';

/** The way out of one sandbox, and what its programs need to go there. */
export type Door = Pick<SandboxSpec, 'mounts' | 'environment' | 'door'> & { close(): Promise<void> };

/** Doors of sandboxes. A sandbox keeps the rules that its environment had when it was made. */
export type Doors = {
  open(sessionId: SessionId): Promise<Door>;
  openFor(errand: Errand): Promise<Door>;
  /** For a sandbox of no session, without any secret: it goes where the environment lets its sessions go. */
  openWithout(config: EnvironmentConfig): Promise<Door>;
  close(): Promise<void>;
};

/** What the server itself does for a session in a sandbox that no agent is in: with one host, and these secrets. */
export type Errand = {
  readonly sessionId: SessionId;
  readonly host: string;
  readonly injections: () => Promise<readonly Injection[]>;
};

const closed: Door = { mounts: [], environment: {}, door: null, close: async () => {} };

/** No sandbox has a network. */
export const noDoors: Doors = {
  open: async () => closed,
  openFor: async () => closed,
  openWithout: async () => closed,
  close: async () => {},
};

/** What the rules for a sandbox depend on. */
export type DoorSession = Pick<SessionState, 'id' | 'environmentId' | 'vaultIds' | 'resources'> & {
  readonly agent: EgressAgent;
};

export type DoorsOptions = {
  /** Private to the server's user. */
  readonly directory: string;
  readonly settings: EgressSettings;
  readonly stateOf: (sessionId: SessionId) => Promise<DoorSession | null>;
  readonly configOf: ReadEnvironmentConfig;
  readonly secrets: SandboxSecrets;
  readonly repositoryTokens: RepositoryTokens;
  readonly recorder: Recorder;
  readonly clock: Clock;
  readonly log: Log;
  /** Instead of the machine's name servers. */
  readonly resolve?: ResolveName;
  /** Instead of the authorities that the machine trusts, PEM. */
  readonly trusted?: readonly string[];
};

/** Of Linux, and of Debian and its kin: what most programs trust unless told otherwise. */
const socketPathBytesMax = 107;
const systemBundle = '/etc/ssl/certs/ca-certificates.crt';
const inside = {
  certificate: '/run/anthill/ca.pem',
  bundle: '/run/anthill/ca-bundle.pem',
  gitConfig: '/run/anthill/gitconfig',
} as const;

export function createDoors(options: DoorsOptions): Doors {
  const { stateOf, configOf, settings, secrets, recorder, trusted } = options;
  const dialler = createDialler(settings, options.resolve ?? createResolveName());
  const authorities = trusted ? () => trusted : readAuthorities();
  const trust = readTrust();
  const ready = rm(options.directory, { recursive: true, force: true });

  async function open(sessionId: SessionId): Promise<Door> {
    await ready;
    const state = await stateOf(sessionId);
    const config = state && (await configOf(state.environmentId));
    if (!state || !config) throw new Error('the environment of this session was deleted');
    const holder: SecretHolder = { sessionId, vaultIds: state.vaultIds };
    const variables = await secrets.variables(holder);
    const environment = Object.fromEntries(variables.map(({ name, placeholder }) => [name, placeholder]));
    const repositories = sessionRepositories(options.repositoryTokens, state);
    const policy = allowingRepositories(egressPolicy(config, state.agent, settings), repositories.hosts);
    if (policy === null) return { ...closed, environment };
    const injectionsFor = async (host: string) => [
      ...(await secrets.forHost(holder, host)),
      ...(await repositories.injectionsFor(host)),
    ];
    const { placesOf, gitConfig } = repositories;
    return await openWith({ sessionId, policy, injectionsFor, placesOf, environment, gitConfig });
  }

  async function openWith({ sessionId, environment, gitConfig, ...rules }: Rules): Promise<Door> {
    const authority = await createAuthority(options.clock.nowUs() / 1000);
    // Of this sandbox alone: connections that are kept open may know who opened them.
    const relay = createRelay({ dialler, trusted: authorities });
    const context = {
      ...rules,
      authority,
      dialler,
      relay,
      onVerdict: (host: string, port: number, verdict: EgressVerdict) =>
        sessionId === null
          ? options.log.debug('egress.decided', { host, port, ...verdict })
          : recorder.record(sessionId, { host, port, ...verdict }),
    };
    const place = await makePlace(options.directory, { authority, trust: await trust, gitConfig });
    const listener = await listen(place.socket, (socket) => {
      serveConnection(socket, context).catch((cause: unknown) => {
        socket.destroy();
        options.log.error('egress.connection_failed', { sessionId, cause });
      });
    });
    return {
      door: place.socket,
      mounts: place.mounts,
      environment: {
        ...environment,
        ...trustVariables,
        ...(gitConfig === null ? {} : { GIT_CONFIG_SYSTEM: inside.gitConfig }),
      },
      async close() {
        await listener.close();
        relay.close();
        await rm(place.directory, { recursive: true, force: true });
      },
    };
  }

  async function openFor({ sessionId, host, injections }: Errand): Promise<Door> {
    await ready;
    return await openWith({
      sessionId,
      policy: { type: 'limited', allowed: [{ reason: 'repository', hosts: [host] }] },
      injectionsFor: injections,
      placesOf: () => null,
      environment: {},
      gitConfig: null,
    });
  }

  async function openWithout(config: EnvironmentConfig): Promise<Door> {
    await ready;
    const policy = egressPolicy(config, null, settings);
    if (policy === null) return closed;
    const rules = { policy, injectionsFor: async () => [], placesOf: () => null };
    // Nothing is opened on the way; but what the machine trusts is not what all programs trust by themselves.
    return await openWith({ sessionId: null, ...rules, environment: {}, gitConfig: null });
  }

  return {
    open,
    openFor,
    openWithout,
    close: () => recorder.flush(),
  };
}

type Rules = Pick<ConnectionContext, 'policy' | 'injectionsFor' | 'placesOf'> & {
  /** `null`: of none. */
  readonly sessionId: SessionId | null;
  readonly environment: Door['environment'];
  /** `null`: git needs to know of nothing. */
  readonly gitConfig: string | null;
};

/** Where programs look for authorities. Node adds to its own, and reads what it adds at each start. */
const trustVariables = {
  NODE_EXTRA_CA_CERTS: inside.certificate,
  ...Object.fromEntries(
    [
      'SSL_CERT_FILE',
      'CURL_CA_BUNDLE',
      'REQUESTS_CA_BUNDLE',
      'PIP_CERT',
      'GIT_SSL_CAINFO',
      'CARGO_HTTP_CAINFO',
      'AWS_CA_BUNDLE',
      'DENO_CERT',
    ].map((name) => [name, inside.bundle]),
  ),
};

type Listener = { close(): Promise<void> };

async function listen(path: string, serve: (socket: Socket) => void): Promise<Listener> {
  const open = new Set<Socket>();
  const server: Server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => socket.destroy());
    socket.once('close', () => open.delete(socket));
    open.add(socket);
    serve(socket);
  });
  // The forwarder opens no more; only where one is closing while the next is opened there may be.
  server.maxConnections = 2 * egressConnectionsMax;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ path, backlog: egressConnectionsMax }, resolve);
  });
  return {
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of open) socket.destroy();
      await closed;
    },
  };
}

type PlaceParts = Pick<Rules, 'gitConfig'> & { readonly authority: Authority; readonly trust: Trust };

async function makePlace(base: string, { authority, trust, gitConfig }: PlaceParts) {
  const { certificate } = authority;
  const { bundle, extra } = trust;
  const own = join(base, randomBytes(4).toString('hex'));
  const isLong = Buffer.byteLength(join(own, 'door')) > socketPathBytesMax;
  const directory = isLong ? await mkdtemp(join(tmpdir(), 'anthill-')) : own;
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const files = {
    certificate: join(directory, 'ca.pem'),
    bundle: join(directory, 'ca-bundle.pem'),
    gitConfig: join(directory, 'gitconfig'),
  };
  await writeFile(files.certificate, extra + certificate);
  await writeFile(files.bundle, bundle + certificate);
  if (gitConfig !== null) await writeFile(files.gitConfig, gitConfig);
  const mount = (host: string, sandbox: string) => ({ host, sandbox, readOnly: true });
  return {
    directory,
    socket: join(directory, 'door'),
    mounts: [
      mount(files.certificate, inside.certificate),
      mount(files.bundle, inside.bundle),
      ...(isFile(systemBundle) ? [mount(files.bundle, systemBundle)] : []),
      ...(gitConfig === null ? [] : [mount(files.gitConfig, inside.gitConfig)]),
    ],
  };
}

function isFile(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}

/** PEM: what the machine trusts, and which of that Node does not by itself. */
type Trust = { readonly bundle: string; readonly extra: string };

async function readTrust(): Promise<Trust> {
  const known = getCACertificates('bundled');
  const text = await readFile(systemBundle, 'utf8').catch(() => known.join('\n'));
  const isKnown = new Set(known.map((certificate) => certificate.trim()));
  const all = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  const lines = (certificates: readonly string[]) => certificates.map((one) => `${one}\n`).join('');
  return { bundle: lines(all), extra: lines(all.filter((certificate) => !isKnown.has(certificate))) };
}
