import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, test } from 'node:test';
import { complaintsAbout, longFunctions } from './support/tidy.ts';

const root = join(import.meta.dirname, '..');
const sources = globSync('src/**/*.ts', { cwd: root }).sort();
const read = (file: string) => readFileSync(join(root, file), 'utf8');

describe('tidy', () => {
  test('every source file is visited', () => {
    const tracked = execFileSync('git', ['ls-files', '-co', '--exclude-standard', 'src'], {
      cwd: root,
      encoding: 'utf8',
    })
      .split('\n')
      .filter((file) => file.endsWith('.ts'));
    assert.ok(
      sources.length >= tracked.length && sources.length > 100,
      `${sources.length} visited, ${tracked.length} exist`,
    );
  });

  test('no source file breaks a rule of the house', () => {
    const complaints = sources.flatMap((file) => complaintsAbout(file, read(file)));
    assert.deepEqual(complaints, []);
  });

  test('no import cycle', () => {
    const graph = new Map(sources.map((file) => [file, importsOf(file)]));
    const done = new Set<string>();
    const visit = (file: string, path: readonly string[]): void => {
      assert.ok(!path.includes(file), `cycle: ${[...path, file].join(' → ')}`);
      if (done.has(file)) return;
      for (const next of graph.get(file) ?? []) visit(next, [...path, file]);
      done.add(file);
    };
    for (const file of sources) visit(file, []);
  });

  test('each third-party library is imported in one folder', () => {
    const owners = new Map<string, Set<string>>();
    for (const file of sources.filter((candidate) => !candidate.endsWith('.test.ts'))) {
      for (const [, name = ''] of read(file).matchAll(/from '((?!node:|\.)[^']+)'/g)) {
        const library = name.startsWith('@')
          ? name.split('/').slice(0, 2).join('/')
          : (name.split('/')[0] ?? '');
        owners.set(library, (owners.get(library) ?? new Set()).add(file.split('/')[1] ?? ''));
      }
    }
    for (const [library, folders] of owners)
      assert.equal(folders.size, 1, `${library} is imported in ${[...folders]}`);
  });

  test('tests are neither focused nor skipped', () => {
    const tests = globSync(['src/**/*.test.ts', 'test/**/*.ts'], { cwd: root });
    const weak = tests.filter((file) => /\b(test|describe|it)\.(only|skip|todo)\(/.test(read(file)));
    assert.deepEqual(weak, []);
  });
});

/** Type imports too: a cycle of types is a cycle of meaning. */
function importsOf(file: string): string[] {
  return [...read(file).matchAll(/^import (?!type)[^;]*?from '(\.[^']+)'/gms)].map(([, path = '']) =>
    relative(root, join(root, dirname(file), path)),
  );
}

describe('tidy can fail', () => {
  const broken: readonly (readonly [name: string, file: string, text: string])[] = [
    ['sideways import', 'src/brain/x.ts', "import { a } from '../store/a.ts';"],
    ['upward import', 'src/domain/x.ts', "import { a } from '../http/a.ts';"],
    ['client looking at the server', 'src/cli/x.ts', "import { a } from '../domain/a.ts';"],
    ['impure domain', 'src/domain/x.ts', "import { readFileSync } from 'node:fs';"],
    ['clock in the domain', 'src/domain/x.ts', 'export const now = () => Date.now();'],
    ['await in the domain', 'src/domain/x.ts', 'export const f = async () => { await g(); };'],
    ['environment outside main', 'src/http/x.ts', "export const port = process.env['PORT'];"],
    ['any', 'src/base/x.ts', 'export const x: any = 1;'],
    ['non-null', 'src/base/x.ts', 'export const x = y!.z;'],
    ['default export', 'src/base/x.ts', 'export default 1;'],
    ['barrel', 'src/base/x.ts', "export * from './y.ts';"],
    ['unfinished', 'src/base/x.ts', `// ${'TO'}${'DO'}: later`],
    ['enum', 'src/base/x.ts', 'export enum X { A }'],
    ['folder name', 'src/base/utils/x.ts', 'export const x = 1;'],
    ['file name', 'src/base/someThing.ts', 'export const x = 1;'],
    ['word of the house', 'src/base/x.ts', 'export type SessionManager = 1;'],
    ['long file', 'src/base/x.ts', 'export const x = 1;\n'.repeat(501)],
    ['long shell', 'src/brain/turn.ts', 'export const x = 1;\n'.repeat(151)],
  ];
  for (const [name, file, text] of broken) {
    test(`on ${name}`, () => {
      assert.notDeepEqual(complaintsAbout(file, text), []);
    });
  }

  test('on a long function', () => {
    const body = '  work();\n'.repeat(61);
    assert.equal(longFunctions(`export function f(): void {\n${body}}\n`).length, 1);
    assert.equal(longFunctions('export function f(): void {\n  work();\n}\n').length, 0);
  });
});
