import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseParameters } from './header-parameters.ts';

const cases: readonly (readonly [header: string, value: string, parameters: Record<string, string>])[] = [
  ['', '', {}],
  ['Form-Data', 'form-data', {}],
  ['form-data; name="file"; filename="a.csv"', 'form-data', { name: 'file', filename: 'a.csv' }],
  ['form-data;name=file;filename=a b.csv', 'form-data', { name: 'file', filename: 'a b.csv' }],
  ['form-data; NAME = "file" ; FileName="" ', 'form-data', { name: 'file', filename: '' }],
  ['form-data; name="a;b=c"', 'form-data', { name: 'a;b=c' }],
  [String.raw`form-data; filename="a\"b\\c"`, 'form-data', { filename: String.raw`a"b\c` }],
  [String.raw`form-data; filename="C:\temp\a.csv"`, 'form-data', { filename: String.raw`C:\temp\a.csv` }],
  ["form-data; filename*=UTF-8''na%C3%AFve%20%E2%82%AC.txt", 'form-data', { filename: 'naïve €.txt' }],
  ['form-data; filename="plain"; filename*=utf-8\'en\'%C3%A9', 'form-data', { filename: 'é' }],
  ['form-data; filename*=utf-8\'\'%C3%A9; filename="plain"', 'form-data', { filename: 'é' }],
  ['form-data; filename="plain"; filename*=utf-8\'\'%zz', 'form-data', { filename: 'plain' }],
  ['form-data; filename="plain"; filename*=koi8-r\'\'%C3', 'form-data', { filename: 'plain' }],
  ['form-data; name="a"; name="b"', 'form-data', { name: 'a' }],
  ['multipart/form-data; boundary="--x y"', 'multipart/form-data', { boundary: '--x y' }],
  ['form-data; name="unclosed', 'form-data', { name: '"unclosed' }],
];

describe('a header with parameters', () => {
  for (const [header, value, parameters] of cases) {
    test(header || '(empty)', () => {
      const parsed = parseParameters(header);
      assert.deepEqual([parsed.value, Object.fromEntries(parsed.parameters)], [value, parameters]);
    });
  }

  test('a long hostile one takes no time', () => {
    for (const hostile of [
      `; a="${'\\"'.repeat(50_000)}`,
      ';'.repeat(100_000),
      '; a=b'.repeat(20_000),
      '; '.repeat(50_000),
      `; a${' '.repeat(80_000)}`,
    ]) {
      const begun = process.cpuUsage();
      parseParameters(hostile);
      assert.ok(process.cpuUsage(begun).user < 1_000_000, hostile.slice(0, 20));
    }
  });
});
