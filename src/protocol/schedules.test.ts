import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { cronProblem, isTimeZone } from './schedules.ts';

const good = [
  '* * * * *',
  '0 9 * * 1-5',
  '*/15 0-6,20-23 1,15 */2 *',
  '59 23 31 12 7',
  '0 0 29 2 *',
  '0-30/10 * * * *',
  '09 07 05 03 *',
  '0 0 * JAN,mar-MAY Mon-Fri',
  '0 0 * * SAT-SUN',
  '0 0 31 2 1',
  '0 0 30,31 1-2 *',
  ' 0  9\t* * * ',
  '0 0 * JUL THU,WED',
];

const bad: readonly (readonly [expression: string, problem: RegExp])[] = [
  ['', /^must have 5 fields \(minute, hour, .*\), not 0$/],
  ['0 9 * *', /not 4$/],
  ['0 0 9 * * *', /not 6$/],
  ['0 0 9 * * * 2026', /not 7$/],
  ['@daily', /^shortcuts such as @daily are not supported/],
  [' @reboot', /^shortcuts/],
  ['60 * * * *', /^minute "60": must be \*, numbers from 0 to 59, ranges/],
  ['* 24 * * *', /^hour "24": must be/],
  ['* * 0 * *', /^day of month "0": must be \*, numbers from 1 to 31/],
  ['* * 32 * *', /^day of month "32"/],
  ['* * * 13 *', /^month "13": must be \*, numbers from 1 to 12 or JAN-DEC/],
  ['* * * * 8', /^day of week "8": must be \*, numbers from 0 to 7 or SUN-SAT/],
  ['* * * * -1', /^day of week "-1"/],
  ['* * * * SUNDAY', /^day of week "SUNDAY"/],
  ['* * * MON *', /^month "MON"/],
  ['MON * * * *', /^minute "MON"/],
  ['* * L * *', /^day of month "L": L, W, # and \? are not supported$/],
  ['* * 15W * *', /L, W, # and \? are not supported/],
  ['* * LW * *', /^day of month "LW"/],
  ['* * * * 5L', /L, W, # and \? are not supported/],
  ['* * * * 5#2', /L, W, # and \? are not supported/],
  ['* * ? * *', /L, W, # and \? are not supported/],
  ['* * * * +MON', /^day of week/],
  ['30-10 * * * *', /^minute "30-10"/],
  ['* * * * SAT-MON', /^day of week "SAT-MON"/],
  ['5/15 * * * *', /^minute "5\/15"/],
  ['*/0 * * * *', /^minute "\*\/0"/],
  ['*/61 * * * *', /^minute "\*\/61"/],
  ['* * * * */8', /^day of week/],
  ['1,,2 * * * *', /^minute "1,,2"/],
  [', * * * *', /^minute ","/],
  ['1- * * * *', /^minute "1-"/],
  ['*-5 * * * *', /^minute/],
  ['1.5 * * * *', /^minute/],
  ['٣ * * * *', /^minute/],
  ['0 0 31 2 *', /^day of month "31" does not exist in month "2"$/],
  ['0 0 30-31 FEB *', /does not exist in month "FEB"/],
  ['0 0 31 2,4,6,9,11 *', /does not exist/],
];

describe('a cron expression', () => {
  for (const expression of good) {
    test(`may be ${expression}`, () => assert.equal(cronProblem(expression), null));
  }
  for (const [expression, problem] of bad) {
    test(`may not be ${JSON.stringify(expression)}`, () =>
      assert.match(cronProblem(expression) ?? 'no problem', problem));
  }
});

describe('a time zone', () => {
  const zones =
    'UTC GMT Etc/GMT+5 Europe/Berlin America/Argentina/Buenos_Aires Asia/Kathmandu US/Pacific EST5EDT';
  for (const zone of `${zones} Europe/Kyiv America/Port-au-Prince europe/berlin Zulu`.split(' ')) {
    test(`may be ${zone}`, () => assert.equal(isTimeZone(zone), true));
  }
  const others = 'PST IST JST cst SystemV/PST8 +01:00 UTC+1 GMT+1 Mars/Base Europe Local Europe/Berlin2';
  for (const name of [...others.split(' '), '', ' UTC', 'UTC ', 'Europe/Berlin\0', 'é', 'x'.repeat(300)]) {
    test(`may not be ${JSON.stringify(name.slice(0, 20))}`, () => assert.equal(isTimeZone(name), false));
  }
});
