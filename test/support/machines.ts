import type { ChildProcess } from 'node:child_process';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo, Server } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A network namespace with a file of hosts of its own. Beyond itself it knows only the machines that a link leads to. */
export type Machine = {
  /** Before a command, runs it there, in the directory `/`. It ends when this process does, however that ends. */
  readonly command: readonly string[];
  /** Its addresses, one for each link. */
  readonly addresses: readonly string[];
  /** For each place whether a connection can be opened from there. */
  reached(places: readonly Place[]): boolean[];
  /** Whether there is an open connection from there to one of these addresses. */
  talksTo(addresses: readonly string[]): boolean;
  /** A listening socket there, whose connections this process gets: for a server's `listen`. */
  listening(port: number): Promise<Server>;
  /** What connects to the URL that this gives, on the loopback of this process, comes from there to that place. */
  wayTo(place: Place): Promise<string>;
};

export type Place = { readonly host: string; readonly port: number };

export type Network<Name extends string> = {
  readonly machines: Readonly<Record<Name, Machine>>;
  /** Machines are gone with the last process on them: end first what was started there. */
  close(): Promise<void>;
};

/** `known` is what others call a machine besides its name; several may be called the same, as behind one name in a DNS. */
export type Plan<Name extends string> = {
  readonly known: Readonly<Record<Name, string>>;
  readonly links: readonly (readonly [Name, Name])[];
};

/** How namespaces are made: as root, or in one of users, where whoever makes it is root. */
type Way = { readonly isRoot: boolean };

/** Machines cannot be made here, and why. */
type NoWay = { readonly skip: string };

const env = { ...process.env, PATH: `${process.env['PATH']}:/usr/sbin:/sbin` };
const dyingWithUs = ['setpriv', '--pdeathsig', 'KILL', '--'];

/** Tries whether this user can have what machines are made of. */
export function wayToMachines(): Way | NoWay {
  const tried: string[] = [];
  for (const isRoot of process.getuid?.() === 0 ? [true, false] : [false]) {
    const all = 'ip link add link0 type veth peer name link1 && mount --bind /etc/hosts /etc/hosts';
    const [command, ...args] = [...newNamespaces(isRoot), 'sh', '-c', all];
    const { status, stderr, error } = spawnSync(command, args, { env });
    if (status === 0) return { isRoot };
    tried.push(error?.message ?? String(stderr).trim());
  }
  return { skip: `no network namespaces with links can be made here: ${tried.join('; ')}` };
}

/** The machines of a plan, with its links and no others. */
export async function startNetwork<Name extends string>(
  { known, links }: Plan<Name>,
  { isRoot }: Way,
): Promise<Network<Name>> {
  const directory = mkdtempSync(join(tmpdir(), 'anthill-machines-'));
  const names = Object.keys(known) as Name[];
  const pids = new Map<Name, number>();
  const children: ChildProcess[] = [];
  const started = (child: ChildProcess) => {
    children.push(child);
    return child;
  };

  /** The links of a machine, seen from there. */
  const linksOf = (name: Name) =>
    links.flatMap((ends, link) =>
      ends.flatMap((end, side) => {
        const other = ends[1 - side];
        if (end !== name || other === undefined) return [];
        return [{ link, other, own: addressOf(link, side), theirs: addressOf(link, 1 - side) }];
      }),
    );

  async function boot(name: Name): Promise<void> {
    const hosts = join(directory, name);
    const lines = linksOf(name).map(({ other, theirs }) => `${theirs} ${other} ${known[other]}\n`);
    writeFileSync(hosts, `127.0.0.1 localhost\n${lines.join('')}`);
    const [first] = pids.values();
    // All in one namespace of users: an end of a link is given from one machine to the other.
    const outer = isRoot || first === undefined ? [] : ['nsenter', ...inUsersOf(first), '--'];
    const up = 'mount --bind "$0" /etc/hosts && ip link set lo up && echo up && exec sleep infinity';
    const [command, ...args] = [
      ...outer,
      ...newNamespaces(isRoot || first !== undefined),
      ...[...dyingWithUs, 'sh', '-c', up, hosts],
    ];
    const machine = spawn(command ?? '', args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
    await orEnded(started(machine), once(machine.stdout, 'data'));
    pids.set(name, machine.pid ?? 0);
  }

  function inside(name: Name): string[] {
    const pid = pids.get(name) ?? 0;
    const target = isRoot ? ['--target', `${pid}`] : inUsersOf(pid);
    return ['nsenter', ...target, '--net', '--mount', '--'];
  }

  function connect(link: number, [from, to]: readonly [Name, Name]): void {
    const device = `link${link}`;
    const add = `link add ${device} type veth peer name ${device} netns ${pids.get(to)}\n`;
    for (const [side, name] of [from, to].entries()) {
      const raise = `addr add ${addressOf(link, side)}/30 dev ${device}\nlink set ${device} up\n`;
      run([...inside(name), 'ip', '-batch', '-'], side === 0 ? add + raise : raise);
    }
  }

  async function close(): Promise<void> {
    for (const child of children) await end(child);
    rmSync(directory, { recursive: true });
  }

  try {
    for (const name of names) await boot(name);
    for (const [link, ends] of links.entries()) connect(link, ends);
  } catch (cause) {
    await close();
    throw cause;
  }
  const machines = names.map((name): [Name, Machine] => {
    const command = [...inside(name), ...(isRoot ? [] : asOneself()), ...dyingWithUs];
    const addresses = linksOf(name).map(({ own }) => own);
    return [name, { command, addresses, ...whatCanBeDone(command, started) }];
  });
  return { machines: Object.fromEntries(machines) as Record<Name, Machine>, close };
}

function addressOf(link: number, side: number): string {
  return `10.141.${link}.${side + 1}`;
}

function newNamespaces(isRoot: boolean): [string, ...string[]] {
  const users = isRoot ? [] : ['--user', '--map-root-user'];
  return ['unshare', ...users, '--net', '--mount', '--propagation', 'private', '--'];
}

function inUsersOf(pid: number): string[] {
  return ['--target', `${pid}`, '--user', '--preserve-credentials'];
}

/** What runs there is not to take itself for root because it is root of a namespace with nobody else in it. */
function asOneself(): string[] {
  const [user, group] = [process.getuid?.() || 1000, process.getgid?.() || 1000];
  return ['unshare', '--user', `--map-user=${user}`, `--map-group=${group}`, '--'];
}

type Started = (child: ChildProcess) => ChildProcess;

function whatCanBeDone(command: readonly string[], started: Started): Omit<Machine, 'command' | 'addresses'> {
  const helper = (...args: string[]) => {
    const script = join(import.meta.dirname, 'machine-socket.ts');
    const [program = '', ...before] = [...command, process.execPath, script, ...args];
    return started(spawn(program, before, { env, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] }));
  };
  return {
    reached(places) {
      const open = 'for to; do { true; } 3<>"/dev/tcp/$to" && echo yes || echo no; done 2>/dev/null';
      const all = places.map(({ host, port }) => `${host}/${port}`);
      // What no link leads to is unreachable at once.
      const said = run([...command, 'timeout', '20', ...dyingWithUs, 'bash', '-c', open, 'bash', ...all]);
      return said.split('\n').map((answer) => answer === 'yes');
    },
    talksTo(addresses) {
      const peers = run([...command, 'ss', '-Htn', 'state', 'established']).matchAll(/(\S+):\d+\s*$/gm);
      return [...peers].some(([, peer = '']) => addresses.includes(peer));
    },
    async listening(port) {
      const child = helper('listen', `${port}`);
      const [, server] = await orEnded(child, once(child, 'message'));
      child.disconnect();
      return server;
    },
    async wayTo({ host, port }) {
      const child = helper('lead', host, `${port}`);
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const address = server.address() as AddressInfo;
      child.send('lead', server, () => server.close());
      await orEnded(child, once(child, 'message'));
      return `http://127.0.0.1:${address.port}`;
    },
  };
}

function run([command = '', ...args]: readonly string[], input = ''): string {
  return execFileSync(command, args, { env, input, encoding: 'utf8' });
}

/** What is waited for, unless the process ends before. */
async function orEnded<T>(child: ChildProcess, waited: Promise<T>): Promise<T> {
  const ended = once(child, 'exit').then(([code, signal]) => {
    throw new Error(`${child.spawnargs.join(' ')} ended with ${code ?? signal}`);
  });
  return await Promise.race([waited, ended]);
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}
