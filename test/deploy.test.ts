import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { parseYaml } from '../src/base/yaml.ts';
import { drainGraceMs } from '../src/domain/limits.ts';
import { defaultPort, readConfig } from '../src/main/config.ts';
import { readWorkerConfig } from '../src/main/worker-config.ts';
import { composeServices } from './support/compose-file.ts';

/** No engine for containers runs here: what can be known without one is checked. */
const root = join(import.meta.dirname, '..');
const read = (file: string) => readFileSync(join(root, file), 'utf8');
const chart = 'deploy/helm/anthill';
const templates = globSync('templates/*.yaml', { cwd: join(root, chart) }).sort();
/** Names of variables that the code asks for. */
const known = new Set(
  globSync('src/main/*.ts', { cwd: root }).flatMap((file) =>
    [...read(file).matchAll(/['"]((?:ANTHILL|ANTHROPIC|DATABASE)_[A-Z_]+)['"]/g)].map(
      ([, name = '']) => name,
    ),
  ),
);
const values: unknown = parseYaml(read(`${chart}/values.yaml`));
const example = {
  DATABASE_URL: 'postgres://anthill:secret@postgres:5432/anthill',
  ANTHILL_MASTER_KEY: Buffer.alloc(32, 7).toString('base64'),
};
const workerExample = { ANTHROPIC_ENVIRONMENT_ID: 'env_1', ANTHROPIC_ENVIRONMENT_KEY: 'sk-ant-oat01-1' };

/** The command is one that the program takes, with these variables. */
function checkCommand([name = '', ...args]: readonly string[], env: Readonly<Record<string, string>>): void {
  if (name === 'worker') readWorkerConfig(args, { ...env, ...workerExample }, '/nowhere');
  else {
    assert.equal(name, 'up');
    assert.equal(readConfig(args, { ...env, ...example }, '/nowhere').port, defaultPort);
  }
}

/** What a path of names leads to, or undefined. */
function at(path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>(
      (value, name) => (typeof value === 'object' && value ? Reflect.get(value, name) : undefined),
      values,
    );
}

describe('docker-compose.yml', () => {
  const services = Object.entries(composeServices()).filter(([name]) => name !== 'postgres');

  for (const [name, service] of services) {
    test(`${name} is started as the program wants it`, () => {
      const { command = [], environment = {}, stop_grace_period = '' } = service;
      for (const variable of Object.keys(environment)) assert.ok(known.has(variable), variable);
      checkCommand(command, {});
      const notice = Number(environment['ANTHILL_DRAIN_NOTICE_SECONDS'] ?? 0);
      const grace = Number(/^(\d+)s$/.exec(stop_grace_period)?.[1]);
      assert.ok(grace > notice + drainGraceMs / 1000, 'it is given the time that it takes to stop');
    });
  }

  test('between them they do everything but sandboxes, at the port that clients expect', () => {
    assert.deepEqual(
      services.map(([name]) => name),
      ['api', 'brain', 'worker'],
    );
    const roles = services.flatMap(([, { command = [] }]) => command[2]?.split(',') ?? []);
    assert.deepEqual(roles.sort(), ['api', 'brain', 'scheduler']);
    assert.deepEqual(composeServices()['api']?.ports, [`127.0.0.1:${defaultPort}:${defaultPort}`]);
    assert.ok(read('deploy/Dockerfile').includes(`EXPOSE ${defaultPort}`));
  });

  test('the image names files that are there and variables that are read', () => {
    const dockerfile = read('deploy/Dockerfile');
    for (const [, name = ''] of dockerfile.matchAll(/\b(ANTHILL_[A-Z_]+)=/g))
      assert.ok(known.has(name), name);
    const { scripts, bin } = JSON.parse(read('package.json'));
    assert.ok(scripts.build && dockerfile.includes('npm run build'));
    assert.ok(dockerfile.includes(`/app/${bin.anthill}`));
    assert.match(dockerfile, /^USER node$/m);
  });
});

describe('the Helm chart', () => {
  test('has a version, and templates for each part', () => {
    const { name, apiVersion } = parseYaml(read(`${chart}/Chart.yaml`)) as Record<string, string>;
    assert.deepEqual([name, apiVersion], ['anthill', 'v2']);
    assert.deepEqual(
      templates,
      ['api', 'brain', 'service', 'worker'].map((part) => `templates/${part}.yaml`),
    );
  });

  for (const file of templates) {
    const text = read(join(chart, file));
    test(`${file} refers to values that are there`, () => {
      const paths = [...text.matchAll(/\.Values\.([A-Za-z.]+)/g)].map(([, path = '']) => path);
      assert.ok(paths.length > 0);
      for (const path of paths) assert.notEqual(at(path), undefined, path);
      const blocks = (pattern: RegExp) => [...text.matchAll(pattern)].length;
      assert.equal(blocks(/\{\{-? (if|range|with) /g), blocks(/\{\{-? end /g));
    });

    test(`${file} is YAML once it is filled in, with commands and variables of the program`, () => {
      const resource = parseYaml(filled(text)) as { kind: string; spec: { template?: { spec: PodSpec } } };
      assert.ok(['Deployment', 'Service'].includes(resource.kind));
      const pod = resource.spec.template?.spec;
      if (!pod) return;
      assert.ok(pod.terminationGracePeriodSeconds > Number(at('drainNoticeSeconds')) + drainGraceMs / 1000);
      for (const { args, env, ports = [] } of pod.containers) {
        checkCommand(args, {});
        for (const { name } of env) assert.ok(known.has(name), name);
        for (const { containerPort } of ports) assert.equal(containerPort, defaultPort);
      }
    });
  }

  test('the service leads to the port of the API', () => {
    assert.equal(at('service.port'), defaultPort);
  });
});

type PodSpec = {
  readonly terminationGracePeriodSeconds: number;
  readonly containers: readonly {
    readonly args: readonly string[];
    readonly env: readonly { readonly name: string }[];
    readonly ports?: readonly { readonly containerPort: number }[];
  }[];
};

/** The little of the language of templates that ours use: values in place, and lines that say when. */
function filled(template: string): string {
  return template
    .replace(/^\s*\{\{- range [\s\S]*?\{\{- end \}\}\n/gm, '')
    .replace(/^\s*\{\{-? (?:if|end)[^\n]*\n/gm, '')
    .replace(/\{\{ \.Release\.Name(?: \| quote)? \}\}/g, 'ants')
    .replace(/\{\{ \.Values\.([A-Za-z.]+)( \| \w+)? \}\}/g, (_, path: string, pipe?: string) =>
      pipe ? JSON.stringify(pipe.includes('quote') ? String(at(path)) : at(path)) : String(at(path)),
    );
}
