import type { LookupAddress } from 'node:dns';
import { Resolver } from 'node:dns/promises';
import type { LookupFunction, Socket } from 'node:net';
import { connect, isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import type { EgressSettings, EgressVerdict } from '../../domain/egress-policy.ts';
import { addressProblem } from '../../domain/egress-policy.ts';
import { egressConnectMsMax } from '../../domain/limits.ts';

/** The addresses of a name, which may be none. */
export type ResolveName = (name: string) => Promise<readonly string[]>;

/** Why nothing was connected to. */
export class Undialled extends Error {
  readonly verdict: Exclude<EgressVerdict, { result: 'allowed' }>;
  constructor(verdict: Exclude<EgressVerdict, { result: 'allowed' }>, cause?: unknown) {
    super(verdict.reason, { cause });
    this.verdict = verdict;
  }
}

/**
 * Connects only to addresses that were looked at: the ones that were checked are the ones that are dialled, so that
 * a name which leads elsewhere a moment later leads nowhere else.
 */
export type Dialler = {
  /** Connected. Rejects with `Undialled`. */
  dial(host: string, port: number, signal: AbortSignal): Promise<Socket>;
  /** For libraries that connect themselves. Literal addresses pass it by: `check` those first. */
  readonly lookup: LookupFunction;
  /** Throws `Undialled` for an address that must not be dialled; names are checked as they are looked up. */
  check(host: string): void;
};

export function createDialler(settings: EgressSettings, resolve: ResolveName): Dialler {
  async function addressesOf(host: string): Promise<LookupAddress[]> {
    const fixed = Object.hasOwn(settings.hosts, host) ? settings.hosts[host] : undefined;
    if (fixed !== undefined) return [{ address: fixed, family: isIP(fixed) }];
    const addresses = isIP(host) === 0 ? await resolve(host) : [host];
    if (addresses.length === 0) throw new Undialled({ result: 'failed', reason: 'name_not_found' });
    const problems = addresses.map((address) => problemOf(address));
    const good = addresses.filter((_, index) => problems[index] === null);
    const [problem] = problems;
    if (good.length === 0 && problem) throw new Undialled({ result: 'refused', reason: problem });
    return good.map((address) => ({ address, family: isIP(address) }));
  }

  const problemOf = (address: string) =>
    addressProblem(address, { privateNetworks: settings.privateNetworks, ownAddresses: ownAddresses() });

  const lookup: LookupFunction = (host, options, callback) => {
    addressesOf(host).then(
      (addresses) => {
        if (options.all) callback(null, addresses);
        else callback(null, addresses[0]?.address ?? '', addresses[0]?.family ?? 4);
      },
      (cause: Error) => callback(cause, []),
    );
  };

  function check(host: string): void {
    const problem = isIP(host) === 0 ? null : problemOf(host);
    if (problem !== null) throw new Undialled({ result: 'refused', reason: problem });
  }

  return {
    lookup,
    check,
    async dial(host, port, signal) {
      check(host);
      const options = { host, port, lookup, noDelay: true, autoSelectFamily: true, allowHalfOpen: true };
      const socket = connect(options);
      const deadline = AbortSignal.any([signal, AbortSignal.timeout(egressConnectMsMax)]);
      await connected(socket, deadline);
      return socket;
    },
  };
}

function connected(socket: Socket, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = () => socket.destroy(new Error('no answer in time'));
    const failed = (cause: Error) => {
      signal.removeEventListener('abort', abort);
      reject(undialled(cause));
    };
    signal.addEventListener('abort', abort, { once: true });
    socket.once('error', failed);
    socket.once('connect', () => {
      signal.removeEventListener('abort', abort);
      socket.off('error', failed);
      resolve();
    });
  });
}

/** What a connection failed of: a decision of ours, or the network's. */
export function undialled(cause: unknown): Undialled {
  if (cause instanceof Undialled) return cause;
  return new Undialled({ result: 'failed', reason: 'unreachable' }, cause);
}

function ownAddresses(): string[] {
  return Object.values(networkInterfaces()).flatMap((addresses) =>
    (addresses ?? []).map(({ address }) => address),
  );
}

/**
 * Asks the machine's name servers. Not its resolver: that has four threads, which it shares with the file system, and
 * a sandbox could keep them waiting for servers that never answer.
 */
export function createResolveName(): ResolveName {
  const resolver = new Resolver({ timeout: 3_000, tries: 2 });
  return async (name) => {
    const none = () => [] as string[];
    const answers = await Promise.all([
      resolver.resolve4(name).catch(none),
      resolver.resolve6(name).catch(none),
    ]);
    return answers.flat();
  };
}
