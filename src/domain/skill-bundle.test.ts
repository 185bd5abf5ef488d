import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { skillBundleBytesMax, skillFilesMax } from './limits.ts';
import type { SkillFile } from './skill-bundle.ts';
import { bundleOf } from './skill-bundle.ts';

const good = '---\nname: ant-trails\ndescription: Follows trails\n---\n# Trails\n';
const file = (path: string, content = '', isExecutable = false): SkillFile => ({
  path,
  bytes: new TextEncoder().encode(content),
  isExecutable,
});
const skill = (content: string, directory = 'ants') => [file(`${directory}/SKILL.md`, content)];
const withPaths = (...paths: string[]) => [
  ...skill(good),
  ...paths.map((path) => file(path.replace('*', 'ants'))),
];
const ofSize = (size: number) => [
  ...skill(good),
  { path: 'ants/big', bytes: new Uint8Array(size - good.length), isExecutable: false },
];
const matter = (yaml: string) => skill(`---\n${yaml}\n---\n`);
const named = (name: string) => matter(`name: ${name}\ndescription: d`);
const described = (description: string) => matter(`name: n\ndescription: ${description}`);

const bomb = ['a: &a [x,x,x,x,x,x,x,x,x,x]', ...'bcdefg'.split('').map(aliased)].join('\n');

describe('a bundle', () => {
  test('has the name and description of its SKILL.md, and its files below its directory', () => {
    const script = file('ants/scripts/run.sh', '#!/bin/sh', true);
    const bundle = bundleOf([script, ...skill(good), file('ants/größe/蟻.md', 'x')]);
    assert.equal(bundle.name, 'ant-trails');
    assert.equal(bundle.description, 'Follows trails');
    assert.equal(bundle.directory, 'ants');
    assert.deepEqual(
      bundle.files.map(({ path, isExecutable }) => [path, isExecutable]),
      [
        ['scripts/run.sh', true],
        ['SKILL.md', false],
        ['größe/蟻.md', false],
      ],
    );
  });

  const accepted: readonly (readonly [name: string, files: readonly SkillFile[], expected: object])[] = [
    ['a name from the directory', skill('---\ndescription: d\n---\n', 'my-dir'), { name: 'my-dir' }],
    ['a name that is null', skill('---\nname:\ndescription: d\n---\n', 'my-dir'), { name: 'my-dir' }],
    ['lines of Windows', skill(good.replaceAll('\n', '\r\n')), { name: 'ant-trails' }],
    ['a byte order mark', skill(`\uFEFF${good}`), { name: 'ant-trails' }],
    ['no text after the frontmatter', skill(good.slice(0, -10)), { name: 'ant-trails' }],
    ['more keys', matter('name: n\ndescription: d\nlicense: MIT\nmetadata: {a: [1]}'), { name: 'n' }],
    ['a folded description', described('>\n  a\n  b\n'), { description: 'a b' }],
    ['comparisons', described('for 1 < 2 and 3 > 2'), { description: 'for 1 < 2 and 3 > 2' }],
    ['the longest name', named('x'.repeat(64)), { name: 'x'.repeat(64) }],
    ['the longest description', described('é'.repeat(1024)), { description: 'é'.repeat(1024) }],
    ['backslashes between directories', [file('ants\\SKILL.md', good)], { directory: 'ants' }],
    ['paths that begin with ./', [file('./ants/SKILL.md', good)], { directory: 'ants' }],
    ['what macOS adds', withPaths('__MACOSX/._ants', '.DS_Store', '*/.DS_Store'), { directory: 'ants' }],
    ['almost too much in it', ofSize(skillBundleBytesMax - 1), { name: 'ant-trails' }],
    ['hidden files', withPaths('*/.env', '*/..a', '*/a..b'), { directory: 'ants' }],
    ['a SKILL.md further below', withPaths('*/more/SKILL.md'), { name: 'ant-trails' }],
    ['the longest part of a path', withPaths(`*/${'x'.repeat(255)}`), { name: 'ant-trails' }],
  ];
  for (const [name, files, expected] of accepted) {
    test(`may have ${name}`, () => {
      assert.partialDeepStrictEqual(bundleOf(files), expected);
    });
  }

  test('may be flat where that is allowed', () => {
    const flat = [file('SKILL.md', '---\ndescription: d\n---\n'), file('a.md')];
    assert.partialDeepStrictEqual(bundleOf(flat, 'ants'), { directory: 'ants', name: 'ants' });
    assert.equal(bundleOf(skill(good, 'other'), 'ants').directory, 'other');
    assert.throws(() => bundleOf(flat), /one top-level directory/);
    assert.throws(
      () => bundleOf([file('SKILL.md', good), file('ants/a')], 'ants'),
      /one top-level directory/,
    );
  });
});

describe('a bundle is refused', () => {
  const refused: readonly (readonly [name: string, files: readonly SkillFile[], why: RegExp])[] = [
    ['without files', [], /^files\[\]: Field required$/],
    ['with nothing but what macOS adds', [file('__MACOSX/a')], /^files\[\]: Field required$/],
    ['without a SKILL.md', [file('ants/README.md')], /SKILL.md is missing directly inside .*"ants"/],
    ['with a SKILL.md too deep', [file('ants/a/SKILL.md', good)], /SKILL.md is missing directly inside/],
    ['with a skill.md', [file('ants/skill.md', good)], /SKILL.md is missing/],
    ['that is flat', [file('SKILL.md', good)], /all files must be in one top-level directory/],
    ['in two directories', withPaths('bees/a'), /"bees\/a" is not in one with the others/],
    ['in directories that begin alike', withPaths('ants2/a'), /one top-level directory/],
    ['with a file beside its directory', withPaths('README.md'), /one top-level directory/],
    ['that is too large', ofSize(skillBundleBytesMax), /a skill must be smaller than 30 MB/],
    [
      'of too many files',
      withPaths(...Array.from({ length: skillFilesMax }, (_, index) => `*/${index}`)),
      /at most 1000 files/,
    ],
    ...(
      [
        ['../a', /must not contain \.\./],
        ['*/../a', /must not contain \.\./],
        ['*/a/..', /must not contain \.\./],
        ['*\\..\\..\\a', /must not contain \.\./],
        ['/etc/passwd', /must not be absolute/],
        ['\\\\server\\share', /must not be absolute/],
        ['C:\\a', /must not be absolute/],
        ['c:a', /must not be absolute/],
        ['*//a', /must name a file/],
        ['*/a/', /must name a file/],
        ['*/./a', /must name a file/],
        ['', /must name a file/],
        ['.', /must name a file/],
        ['*/a\0b', /must be printable/],
        ['*/a\nb', /must be printable/],
        ['*/\u001b[2J', /must be printable/],
        ['*/\ud800', /must be printable/],
        ['*/\ufffd', /must be printable/],
        [`*/${'x/'.repeat(300)}x`, /must be at most 512 bytes/],
        [`*/${'é'.repeat(300)}`, /must be at most 512 bytes/],
        [`*/${'é'.repeat(128)}`, /parts of at most 255 bytes/],
        ['*/SKILL.md', /"SKILL.md" and "SKILL.md" are the same/],
        ['*/skill.MD', /"SKILL.md" and "skill.MD" are the same/],
        ['*/SKILL.md/a', /"SKILL.md" is a file and a directory/],
        ['*/skill.md/a', /"skill.md" is a file and a directory/],
      ] as const
    ).map(([path, why]) => [`with the path ${JSON.stringify(path)}`, withPaths(path), why] as const),
    ['with paths of two Unicode forms', withPaths('*/é', '*/e\u0301'), /are the same/],
    ['with paths that differ by case', withPaths('*/straße/a', '*/STRASSE/A'), /are the same/],
    ['without frontmatter', skill('# Hello'), /SKILL.md: frontmatter description is required/],
    ['with an empty SKILL.md', skill(''), /frontmatter description is required/],
    ['with empty frontmatter', skill('---\n---\n'), /frontmatter description is required/],
    ['with frontmatter that does not end', skill('---\nname: n\n'), /must end with a line ---/],
    ['with long frontmatter', matter(`a: ${'x'.repeat(8192)}`), /within 8192 characters/],
    ['with frontmatter that is no mapping', matter('- a'), /must be a mapping/],
    ['with frontmatter that is no YAML', matter('a: b: c'), /frontmatter is invalid: .*line 2, column/],
    ['with a key twice', matter('name: a\nname: b\ndescription: d'), /keys must be unique/],
    ['with a bomb of aliases', matter(bomb), /Excessive alias count/],
    ['with deep YAML', matter(`a: ${'['.repeat(8_000)}`), /frontmatter is invalid/],
    ['with a name by prototype', matter('__proto__: {description: d}'), /description is required/],
    ['without UTF-8', [{ ...file('ants/SKILL.md'), bytes: Uint8Array.of(0xff) }], /SKILL.md: must be UTF-8/],
    ['with UTF-16', [{ ...file('ants/SKILL.md'), bytes: Buffer.from(`\ufeff${good}`, 'utf16le') }], /UTF-8/],
    ['with a number as its name', named('12'), /frontmatter name must be a text/],
    ['with a mapping as its name', named('{a: b}'), /frontmatter name must be a text/],
    ['with an empty name', named('""'), /frontmatter name must be lowercase/],
    ['with a long name', named('x'.repeat(65)), /frontmatter name must be at most 64 characters/],
    ['with a name in capitals', named('Ant'), /frontmatter name must be lowercase letters.*"Ant"/],
    ['with a name that is a path', named('a/b'), /frontmatter name must be lowercase/],
    ['with a name that ends in a line break', named('"a\\n"'), /frontmatter name must be lowercase/],
    ['with the name of its model', named('my-claude-ants'), /reserved word "claude"/],
    ['with the name of a company', named('Anthropic'), /reserved word "anthropic"/],
    ['with a tag as its name', named('<b>'), /frontmatter name must not contain XML tags/],
    [
      'with a directory that is no name',
      skill('---\ndescription: d\n---\n', 'My Ants'),
      /name of the directory/,
    ],
    ['without a description', matter('name: n'), /frontmatter description is required/],
    ['with an empty description', described('""'), /description must be at least 1 character/],
    ['with a description of spaces', described('"  "'), /description must be at least 1 character/],
    ['with a long description', described('é'.repeat(1025)), /description must be at most 1024 characters/],
    ['with a number as its description', described('7'), /description must be a text/],
    ...['<b>bold</b>', '</system>', 'a <br/> b', '<!DOCTYPE x>', '<?xml version="1.0"?>'].map(
      (tag) => [`with the tag ${tag}`, described(`'${tag}'`), /must not contain XML tags/] as const,
    ),
  ];
  for (const [name, files, why] of refused) {
    test(name, () => {
      assert.throws(
        () => bundleOf(files),
        ({ name: kind, code, message }) => {
          assert.deepEqual([kind, code], ['Refusal', 'invalid_request']);
          assert.match(message, why);
          return true;
        },
      );
    });
  }
});

function aliased(name: string): string {
  const before = String.fromCharCode(name.charCodeAt(0) - 1);
  return `${name}: &${name} [${Array(10).fill(`*${before}`).join(',')}]`;
}
