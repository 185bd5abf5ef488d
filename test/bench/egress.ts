import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SandboxSecrets } from '../../src/domain/sandbox-secrets.ts';
import type { EgressOptions } from '../support/egress.ts';
import { openEgress } from '../support/egress.ts';
import { bubblewrapProvider } from '../support/sandbox.ts';
import { startFloor } from './processes.ts';
import type { Row } from './statistics.ts';
import { quantile, table } from './statistics.ts';

const rounds = 5;
const requests = 300;
const megabytes = 300;
const host = 'site.test';

/** Requests on one connection, connections with one request each, and a large body; run inside and outside alike. */
const client = `
import http.client, json, ssl, sys, time
host, port, tls, requests, megabytes = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4]), int(sys.argv[5])
context = ssl.create_default_context(cafile=sys.argv[6]) if tls == 'tls' else None
if context: context.check_hostname = host == '${host}'
def connect():
    return http.client.HTTPSConnection(host, port, context=context) if context else http.client.HTTPConnection(host, port)
def timed(work):
    begun = time.perf_counter(); work(); return (time.perf_counter() - begun) * 1000
def ask(connection, path='/0'):
    connection.request('GET', path); answer = connection.getresponse()
    while answer.read(1 << 20): pass
kept = connect(); ask(kept)
def anew():
    connection = connect(); ask(connection); connection.close()
same = [timed(lambda: ask(kept)) for _ in range(requests)]
new = [timed(anew) for _ in range(requests // 3)]
large = timed(lambda: ask(kept, '/%d' % megabytes))
print(json.dumps({'same': same, 'new': new, 'large': large}))
`;

type Run = { readonly same: number[]; readonly new: number[]; readonly large: number };
type Way = { readonly name: string; readonly run: () => Promise<Run> };

/** A placeholder that no request has: what it costs to look for it. */
const looking: SandboxSecrets = {
  variables: async () => [],
  forHost: async () => [
    { placeholder: 'anthill_ph_0', secret: 'a secret of a server', header: true, body: true, isNamed: true },
  ],
};

/** The door of a sandbox beside the same requests without it. */
export async function benchEgress(directory: string): Promise<void> {
  const about = join(directory, 'egress.json');
  const floor = await startFloor('floor-egress.ts', about);
  const { tls, certificate } = JSON.parse(readFileSync(about, 'utf8'));
  const authority = join(directory, 'egress-ca.pem');
  writeFileSync(authority, certificate);
  const script = join(directory, 'client.py');
  writeFileSync(script, client);
  const port = new URL(floor.baseUrl).port;
  const provider = bubblewrapProvider(join(directory, 'egress-data'));
  const argsOf = (kind: string) => [kind === 'tls' ? tls : port, kind, requests, megabytes].map(String);
  const direct = (kind: string): Way => ({
    name: `floor: ${kind}, no door`,
    async run() {
      const args = [script, 'localhost', ...argsOf(kind), authority];
      return JSON.parse(execFileSync('/usr/bin/python3', args, { encoding: 'utf8' }));
    },
  });
  const options = { settings: { hosts: { [host]: '127.0.0.1' } }, trusted: [certificate] };
  const opened: (() => Promise<void>)[] = [];
  async function through(name: string, kind: string, more: EgressOptions = {}): Promise<Way> {
    const it = await openEgress(provider, directory, { ...options, ...more });
    opened.push(() => it[Symbol.asyncDispose]());
    await it.sandbox.writeFile('/workspace/client.py', Buffer.from(client));
    await it.sandbox.writeFile('/workspace/ca.pem', Buffer.from(certificate));
    const trusted = more.secrets ? '/run/anthill/ca.pem' : '/workspace/ca.pem';
    const command = `/usr/bin/python3 client.py ${host} ${argsOf(kind).join(' ')} ${trusted}`;
    return { name, run: async () => JSON.parse(await it.bash(command)) };
  }
  const ways = [
    direct('plain'),
    await through('plain, through the door', 'plain'),
    await through('plain, with a secret', 'plain', { secrets: looking }),
    direct('tls'),
    await through('tls, through the door', 'tls'),
    await through('tls, with a secret', 'tls', { secrets: looking }),
  ];
  const runs = ways.map((): Run[] => []);
  for (let round = 0; round < rounds; round++)
    for (const [index, way] of ways.entries()) runs[index]?.push(await way.run());
  for (const close of opened) await close();
  console.log(table(ways.map(({ name }, index) => wayRow(name, runs[index] ?? []))));
  await floor.stop();
}

function wayRow(name: string, runs: readonly Run[]): Row {
  const all = (key: 'same' | 'new') => runs.flatMap((run) => run[key]);
  const speeds = runs.map(({ large }) => (megabytes / large) * 1000);
  return {
    name,
    cells: {
      'p50 ms': quantile(all('same'), 0.5),
      'p99 ms': quantile(all('same'), 0.99),
      'new p50 ms': quantile(all('new'), 0.5),
      'new p99 ms': quantile(all('new'), 0.99),
      'MB/s': quantile(speeds, 0.5),
    },
  };
}
