import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { cronProblem } from '../protocol/schedules.ts';
import { createOccurrences } from './occurrences.ts';

const occurrences = createOccurrences();

/** The first `count` occurrences after an instant, as UTC minutes. */
function after(from: string, expression: string, timezone: string, count: number): string[] {
  const found: string[] = [];
  for (const atUs of occurrences({ expression, timezone }, Date.parse(from) * 1000)) {
    found.push(new Date(atUs / 1000).toISOString().slice(0, 16));
    if (found.length === count) break;
  }
  return found;
}

describe('occurrences of a schedule', () => {
  const cases: readonly (readonly [
    name: string,
    zone: string,
    expression: string,
    from: string,
    expected: string,
  ])[] = [
    [
      'a time that spring skips does not come',
      'Europe/Berlin',
      '30 2 * * *',
      '2026-03-28T00:00Z',
      '2026-03-28T01:30 2026-03-30T00:30',
    ],
    [
      'a time that autumn doubles comes twice',
      'Europe/Berlin',
      '30 2 * * *',
      '2026-10-24T12:00Z',
      '2026-10-25T00:30 2026-10-25T01:30 2026-10-26T01:30',
    ],
    [
      'both passes of a doubled hour come in order',
      'America/New_York',
      '*/30 1 * * *',
      '2026-10-31T12:00Z',
      '2026-11-01T05:00 2026-11-01T05:30 2026-11-01T06:00 2026-11-01T06:30 2026-11-02T06:00',
    ],
    [
      'the second pass comes when asked from within the first',
      'America/New_York',
      '0 1 * * *',
      '2026-11-01T05:30Z',
      '2026-11-01T06:00 2026-11-02T06:00',
    ],
    [
      'the hour of a day is another instant in summer',
      'America/New_York',
      '0 9 * * *',
      '2026-03-07T00:00Z',
      '2026-03-07T14:00 2026-03-08T13:00',
    ],
    [
      'half an hour is skipped',
      'Australia/Lord_Howe',
      '15,45 2 * * *',
      '2026-10-03T00:00Z',
      '2026-10-03T15:45 2026-10-04T15:15',
    ],
    [
      'half an hour is doubled',
      'Australia/Lord_Howe',
      '15,45 1 * * *',
      '2026-04-04T00:00Z',
      '2026-04-04T14:15 2026-04-04T14:45 2026-04-04T15:15 2026-04-05T14:45',
    ],
    [
      'an offset of quarters of an hour',
      'Asia/Kathmandu',
      '0 12 * * *',
      '2026-01-01T00:00Z',
      '2026-01-01T06:15 2026-01-02T06:15',
    ],
    [
      'a day that never was does not come',
      'Pacific/Apia',
      '0 12 28-31 12 *',
      '2011-12-28T12:00Z',
      '2011-12-28T22:00 2011-12-29T22:00 2011-12-30T22:00',
    ],
    [
      'a date that never was waits for the next year',
      'Pacific/Apia',
      '0 12 30 12 *',
      '2011-01-01T00:00Z',
      '2012-12-29T22:00',
    ],
    [
      'leap days, also around 2100',
      'UTC',
      '0 0 29 2 *',
      '2088-03-01T00:00Z',
      '2092-02-29T00:00 2096-02-29T00:00 2104-02-29T00:00',
    ],
    [
      'day of month or day of week',
      'UTC',
      '0 0 13 * 5',
      '2026-11-01T00:00Z',
      '2026-11-06T00:00 2026-11-13T00:00 2026-11-20T00:00',
    ],
    [
      'a restricted day of month or of week, by a step',
      'UTC',
      '0 0 */15 * MON',
      '2026-11-01T00:00Z',
      '2026-11-02T00:00 2026-11-09T00:00 2026-11-16T00:00 2026-11-23T00:00',
    ],
    ['Sunday is 0', 'UTC', '0 0 * * 0', '2026-11-25T00:00Z', '2026-11-29T00:00'],
    ['Sunday is 7', 'UTC', '0 0 * * 7', '2026-11-25T00:00Z', '2026-11-29T00:00'],
    ['Sunday is SUN', 'UTC', '0 0 * * fri-sun', '2026-11-28T12:00Z', '2026-11-29T00:00 2026-12-04T00:00'],
    ['months have names', 'UTC', '0 0 1 jan,JUL *', '2026-11-25T00:00Z', '2027-01-01T00:00 2027-07-01T00:00'],
    ['strictly after', 'UTC', '0 * * * *', '2026-11-25T08:00Z', '2026-11-25T09:00'],
    ['tabs and spaces', 'UTC', ' 0\t9  * * * ', '2026-11-25T08:00Z', '2026-11-25T09:00'],
  ];
  for (const [name, zone, expression, from, expected] of cases) {
    test(name, () => {
      assert.equal(cronProblem(expression), null);
      const found = after(from.replace('Z', ':00Z'), expression, zone, expected.split(' ').length);
      assert.equal(found.join(' '), expected);
    });
  }

  test('are as many as asked for, and end at the horizon', () => {
    const leapDays = [
      ...occurrences({ expression: '0 0 29 2 *', timezone: 'UTC' }, Date.UTC(2026, 0) * 1000),
    ];
    assert.deepEqual(
      leapDays.map((atUs) => new Date(atUs / 1000).getUTCFullYear()),
      [2028, 2032, 2036, 2040, 2044, 2048, 2052, 2056, 2060, 2064, 2068, 2072],
    );
  });

  test('from in between two minutes the next minute is the first', () => {
    const [first] = occurrences({ expression: '* * * * *', timezone: 'UTC' }, 1_790_000_000_000_001);
    assert.equal(first, 1_790_000_040_000_000);
  });
});

/** One field as text, and what it means. */
type Field = { readonly text: string; readonly values: ReadonlySet<number>; readonly isStar: boolean };

function field(min: number, max: number, starWeight = 1): fc.Arbitrary<Field> {
  const all = Array.from({ length: max - min + 1 }, (_, index) => min + index);
  const number = fc.integer({ min, max });
  const item = fc.oneof(
    number.map((value) => ({ text: `${value}`, values: [value] })),
    fc.tuple(number, number, fc.integer({ min: 1, max: 7 })).map(([a, b, step]) => {
      const [from, to] = [Math.min(a, b), Math.max(a, b)];
      const text = step === 1 ? `${from}-${to}` : `${from}-${to}/${step}`;
      return { text, values: all.filter((n) => n >= from && n <= to && (n - from) % step === 0) };
    }),
    fc.integer({ min: 1, max: 7 }).map((step) => ({
      text: `*/${step}`,
      values: all.filter((n) => (n - min) % step === 0),
    })),
  );
  const list = fc.array(item, { minLength: 1, maxLength: 3 }).map((items) => ({
    text: items.map(({ text }) => text).join(','),
    values: new Set(items.flatMap(({ values }) => values)),
    isStar: false,
  }));
  const star = fc.constant({ text: '*', values: new Set(all), isStar: true });
  return fc.oneof({ weight: starWeight, arbitrary: star }, { weight: 3, arbitrary: list });
}

const schedule = fc.tuple(field(0, 59), field(0, 23), field(1, 31, 6), field(1, 12, 20), weekday());

/** 7 is Sunday too. A step over the whole week starts on Sunday and does not reach the next. */
function weekday(): fc.Arbitrary<Field> {
  return field(0, 7, 6)
    .filter(({ text }) => !text.includes('*/7'))
    .map((week) => ({ ...week, values: new Set([...week.values].map((day) => day % 7)) }));
}

const zones = [
  'Europe/Berlin',
  'America/New_York',
  'Australia/Lord_Howe',
  'Asia/Kathmandu',
  'Pacific/Apia',
  'UTC',
  'America/St_Johns',
  'Africa/Casablanca',
  'Pacific/Kiritimati',
  'Pacific/Pago_Pago',
];

/** Instants around which clocks change somewhere, and any other. */
const around = fc.oneof(
  fc.constantFrom(
    '2011-12-30T10:00:00Z',
    '2026-03-29T01:00:00Z',
    '2026-10-25T01:00:00Z',
    '2026-03-08T07:00:00Z',
    '2026-11-01T06:00:00Z',
    '2026-04-04T15:00:00Z',
    '2026-10-03T15:30:00Z',
    '2026-02-15T02:00:00Z',
    '2026-03-22T02:00:00Z',
    '2028-02-29T00:00:00Z',
  ),
  fc
    .integer({ min: Date.UTC(2024, 0), max: Date.UTC(2040, 0) })
    .map((ms) => new Date(ms - (ms % 60_000)).toISOString()),
);

const formatters = new Map(
  zones.map((timeZone) => [
    timeZone,
    new Intl.DateTimeFormat('en-US', {
      timeZone,
      hourCycle: 'h23',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      weekday: 'short',
    }),
  ]),
);
const weekdays = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];

/** What clocks on the wall say, minute by minute, held against the fields. */
function bruteForce(fields: readonly Field[], zone: string, fromMs: number, untilMs: number): number[] {
  const [minute, hour, day, month, week] = fields;
  assert.ok(minute && hour && day && month && week);
  const found: number[] = [];
  for (let ms = Math.floor(fromMs / 60_000 + 1) * 60_000; ms <= untilMs; ms += 60_000) {
    const shown = formatters.get(zone)?.formatToParts(ms) ?? [];
    const part = (type: string) => shown.find((each) => each.type === type)?.value ?? '';
    const dayMatches = day.values.has(Number(part('day')));
    const weekMatches = week.values.has(weekdays.indexOf(part('weekday')));
    const isDay = day.isStar || week.isStar ? dayMatches && weekMatches : dayMatches || weekMatches;
    if (!isDay || !month.values.has(Number(part('month')))) continue;
    if (hour.values.has(Number(part('hour'))) && minute.values.has(Number(part('minute')))) found.push(ms);
  }
  return found;
}

describe('occurrences against the clock on the wall', () => {
  test('are exactly the minutes that it matches, in order', () => {
    let matches = 0;
    fc.assert(
      fc.property(schedule, fc.constantFrom(...zones), around, (fields, timezone, middle) => {
        const expression = fields.map(({ text }) => text).join(' ');
        fc.pre(cronProblem(expression) === null);
        const fromMs = Date.parse(middle) - 30 * 3_600_000;
        const untilMs = Date.parse(middle) + 30 * 3_600_000;
        const expected = bruteForce(fields, timezone, fromMs, untilMs);
        const found: number[] = [];
        for (const atUs of occurrences({ expression, timezone }, fromMs * 1000)) {
          if (atUs > untilMs * 1000) break;
          found.push(atUs / 1000);
        }
        matches += expected.length;
        assert.deepEqual(found, expected, `${expression} ${timezone} ${middle}`);
      }),
      { numRuns: 100, seed: 20_261_125 },
    );
    assert.ok(matches > 1000, `${matches} minutes matched`);
  });
});
