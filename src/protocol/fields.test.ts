import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { z } from 'zod';
import { fieldsOf } from './fields.ts';

const field = (schema: z.ZodType) => fieldsOf(z.strictObject({ it: schema }))[0] ?? assert.fail();

describe('the fields of a request schema', () => {
  const kinds: readonly (readonly [name: string, schema: z.ZodType, kind: string])[] = [
    ['text', z.string(), 'string'],
    ['text or null', z.string().nullish(), 'string'],
    ['a number', z.number().int(), 'number'],
    ['a number or null', z.number().nullish(), 'number'],
    ['a switch', z.boolean().optional(), 'boolean'],
    ['a switch or null', z.boolean().nullable(), 'boolean'],
    ['a choice', z.enum(['a', 'b']), 'string'],
    ['a list', z.array(z.string()).nullish(), 'list'],
    ['an object', z.strictObject({ a: z.string() }).nullish(), 'object'],
    ['a map', z.record(z.string(), z.string()), 'object'],
    [
      'one of several objects',
      z.union([z.strictObject({ a: z.string() }), z.strictObject({ b: z.string() })]),
      'object',
    ],
    ['text or an object', z.union([z.string(), z.strictObject({ a: z.string() })]), 'mixed'],
  ];
  for (const [name, schema, kind] of kinds) {
    test(`${name} is of kind ${kind}`, () => {
      assert.equal(field(schema).kind, kind);
    });
  }

  test('of a union of one object are those of the object', () => {
    const one = z.strictObject({ type: z.literal('a'), name: z.string() });
    assert.deepEqual(fieldsOf(z.discriminatedUnion('type', [one])), fieldsOf(one));
  });

  test('null, need, choices, items and members are known', () => {
    assert.equal(field(z.string().nullish()).nullable, true);
    assert.equal(field(z.array(z.string()).nullable()).nullable, true);
    assert.equal(field(z.string().optional()).nullable, false);
    assert.equal(field(z.string()).required, true);
    assert.equal(field(z.string().optional()).required, false);
    assert.deepEqual(field(z.enum(['asc', 'desc'])).choices, ['asc', 'desc']);
    assert.equal(field(z.array(z.strictObject({}))).items, 'object');
    assert.deepEqual(
      field(z.strictObject({ type: z.string(), limit: z.number() })).members.map(({ name, kind }) => [
        name,
        kind,
      ]),
      [
        ['type', 'string'],
        ['limit', 'number'],
      ],
    );
  });
});
