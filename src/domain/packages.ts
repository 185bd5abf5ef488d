import type { EnvironmentConfig, packageManagers } from '../protocol/environments.ts';
import type { SessionErrorObject } from '../protocol/session-errors.ts';
import type { SandboxSpec, SandboxSystem } from './sandbox.ts';

export type PackageKind = (typeof packageManagers)[number];
export type PackageLists = Readonly<Record<PackageKind, readonly string[]>>;

/** Where the packages of an environment are in its sandboxes, but for those of apt, which are a part of the system. */
export const packagesPlace = '/mnt/packages';

/** What an environment's packages add to a sandbox. */
export type PackageLayer = {
  readonly system: SandboxSystem | null;
  readonly mounts: SandboxSpec['mounts'];
  readonly environment: SandboxSpec['environment'];
  /** What could not be installed, for the session's log; the sandbox does without. */
  readonly problem: SessionErrorObject | null;
  /** Called when the sandbox is gone: what nobody uses may be removed. */
  release(): void;
};

/** The packages of environments: installed once, and shared by all sandboxes that want the same. */
export interface Packages {
  /** Resolves when they are there or could not be installed. Rejects when the signal aborts; installing goes on. */
  layerFor(environmentId: string, signal: AbortSignal): Promise<PackageLayer>;
  close(): Promise<void>;
}

/** Of sandboxes whose environments configure none. */
export const noPackages: Packages = {
  layerFor: async () => ({ system: null, mounts: [], environment: {}, problem: null, release() {} }),
  close: async () => {},
};

/** One call of a package manager. */
export type PackageStep = { readonly manager: PackageKind; readonly argv: readonly string[] };

/** The same packages are the same layer, in whatever order they are named. */
export function sortedPackages({ packages }: Extract<EnvironmentConfig, { type: 'cloud' }>): PackageLists {
  const sorted = (manager: PackageKind) => [...new Set(packages[manager])].sort();
  return {
    apt: sorted('apt'),
    cargo: sorted('cargo'),
    gem: sorted('gem'),
    go: sorted('go'),
    npm: sorted('npm'),
    pip: sorted('pip'),
  };
}

/** What is not a part of the system, in the order of the managers' names (spec/environments.md, Packages). */
export function packageSteps({ cargo, gem, go, npm, pip }: PackageLists): readonly PackageStep[] {
  const some = (manager: PackageKind, names: readonly string[], argv: readonly string[]) =>
    names.length === 0 ? [] : [{ manager, argv: [...argv, ...names] }];
  const latest = (name: string) => (name.includes('@') ? name : `${name}@latest`);
  return [
    ...some('cargo', cargo, ['cargo', 'install', '--root', packagesPlace, '--']),
    ...some('gem', gem, ['gem', 'install', '--no-document', ...gemPlaces]),
    ...go.flatMap((name) => some('go', [latest(name)], ['go', 'install', '--'])),
    ...some('npm', npm, ['npm', 'install', '--global', '--no-audit', '--no-fund', '--']),
    ...some('pip', pip, ['python3', '-m', 'pip', 'install', '--target', `${packagesPlace}/python`, '--']),
  ];
}

const gemPlaces = ['--install-dir', `${packagesPlace}/gem`, '--bindir', `${packagesPlace}/bin`];

export const aptSteps: (names: readonly string[]) => readonly PackageStep[] = (names) => [
  { manager: 'apt', argv: ['apt-get', 'update', ...aptOptions] },
  {
    manager: 'apt',
    argv: ['apt-get', 'install', '--yes', '--no-install-recommends', ...aptOptions, '--', ...names],
  },
  { manager: 'apt', argv: ['/bin/sh', '-c', 'apt-get clean; rm -rf /var/lib/apt/lists/*'] },
];

/** There are no other users to become, and no terminal to draw on. */
const aptOptions = [
  '--quiet',
  '--option',
  'APT::Update::Error-Mode=any',
  '--option',
  'APT::Sandbox::User=root',
  '--option',
  'Dpkg::Use-Pty=0',
];

/** For the managers while they install. What they keep for themselves is gone afterwards. */
export const buildVariables: Readonly<Record<string, string>> = {
  DEBIAN_FRONTEND: 'noninteractive',
  CARGO_HOME: '/tmp/cargo',
  GOBIN: `${packagesPlace}/bin`,
  GOPATH: '/tmp/go',
  GOCACHE: '/tmp/go-cache',
  GOFLAGS: '-modcacherw',
  npm_config_prefix: packagesPlace,
  npm_config_cache: '/tmp/npm',
  npm_config_update_notifier: 'false',
  PIP_NO_CACHE_DIR: '1',
  PIP_NO_INPUT: '1',
  PIP_DISABLE_PIP_VERSION_CHECK: '1',
  PIP_ROOT_USER_ACTION: 'ignore',
};

export const systemPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** How programs find what was installed. */
export const layerVariables: Readonly<Record<string, string>> = {
  PATH: `${packagesPlace}/bin:${packagesPlace}/python/bin:${systemPath}`,
  NODE_PATH: `${packagesPlace}/lib/node_modules`,
  PYTHONPATH: `${packagesPlace}/python`,
  // The colon at the end: and where Ruby looks by itself.
  GEM_PATH: `${packagesPlace}/gem:`,
};

/** `retrying`: the next sandbox of the session tries again. */
export function packagesError(message: string): SessionErrorObject {
  return { type: 'unknown_error', message, retry_status: { type: 'retrying' } };
}
