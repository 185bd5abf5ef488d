import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';
import { listening } from './local-servers.ts';
import { collected, zipOf } from './zips.ts';

/** Registries of npm and PyPI with two packages each, on loopback, as `registry.test`. */
export type Registries = {
  readonly port: number;
  /** How the package managers find them. */
  readonly variables: Readonly<Record<string, string>>;
  /** Paths that were asked for. */
  readonly asked: string[];
  /** Answers wait for this. */
  hold: Promise<void>;
  nextRequest(): Promise<void>;
  close(): void;
};

export const registryHost = 'registry.test';
/** What a bad package leaves behind before it fails. */
const failing = 'touch $npm_config_prefix/half-done; echo the widget is out of order; exit 7';

export async function openRegistries(): Promise<Registries> {
  const files = new Map<string, Buffer>();
  const server = await listening(createServer((request, response) => void answer(request, response)));
  const { port } = server.address() as AddressInfo;
  const url = `http://${registryHost}:${port}`;
  await addNpm(files, url, { name: 'ant-hello', script: 'console.log("hello from npm")' });
  await addNpm(files, url, { name: 'ant-broken', install: failing });
  addPip(files, 'ant_snake', 'def speak():\n    print("hello from pip")\n');
  const registries: Registries = {
    port,
    variables: {
      npm_config_registry: `${url}/`,
      npm_config_fetch_retries: '0',
      PIP_INDEX_URL: `${url}/simple`,
      PIP_TRUSTED_HOST: registryHost,
    },
    asked: [],
    hold: Promise.resolve(),
    nextRequest: () => new Promise((resolve) => server.once('request', () => resolve())),
    close() {
      server.close();
      server.closeAllConnections();
    },
  };

  async function answer({ url: path = '' }: IncomingMessage, response: ServerResponse): Promise<void> {
    registries.asked.push(path);
    await registries.hold;
    const file = files.get(path);
    if (path.startsWith('/simple/')) response.setHeader('content-type', 'text/html');
    if (file) response.end(file);
    else response.writeHead(404).end('{"error":"not found"}');
  }

  return registries;
}

type NpmPackage = { readonly name: string; readonly script?: string; readonly install?: string };

async function addNpm(
  files: Map<string, Buffer>,
  url: string,
  { name, script = '', install }: NpmPackage,
): Promise<void> {
  const manifest = {
    name,
    version: '1.0.0',
    main: 'main.js',
    bin: { [name]: 'main.js' },
    ...(install ? { scripts: { install } } : {}),
  };
  const tar = pack();
  tar.entry({ name: 'package/package.json' }, JSON.stringify(manifest));
  tar.entry({ name: 'package/main.js', mode: 0o755 }, `#!/usr/bin/env node\n${script}\n`);
  tar.finalize();
  const tarball = gzipSync(await collected(Readable.from(tar)));
  const integrity = `sha512-${createHash('sha512').update(tarball).digest('base64')}`;
  const dist = { tarball: `${url}/${name}.tgz`, integrity };
  const versions = { '1.0.0': { ...manifest, hasInstallScript: install !== undefined, dist } };
  files.set(`/${name}.tgz`, tarball);
  files.set(`/${name}`, Buffer.from(JSON.stringify({ name, 'dist-tags': { latest: '1.0.0' }, versions })));
}

/** A wheel: a module, and a program that runs it. */
function addPip(files: Map<string, Buffer>, name: string, module: string): void {
  const info = `${name}-1.0.dist-info`;
  const entries = [
    { name: `${name}.py`, content: module },
    { name: `${info}/METADATA`, content: `Metadata-Version: 2.1\nName: ${name}\nVersion: 1.0\n` },
    { name: `${info}/WHEEL`, content: 'Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n' },
    { name: `${info}/entry_points.txt`, content: `[console_scripts]\n${name} = ${name}:speak\n` },
  ];
  const record = [...entries.map((entry) => `${entry.name},,`), `${info}/RECORD,,`].join('\n');
  const wheel = `${name}-1.0-py3-none-any.whl`;
  files.set(`/simple/${wheel}`, zipOf([...entries, { name: `${info}/RECORD`, content: record }]));
  files.set(`/simple/${name.replaceAll('_', '-')}/`, Buffer.from(`<a href="../${wheel}">${wheel}</a>`));
}
