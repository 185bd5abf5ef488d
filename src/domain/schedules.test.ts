import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Occurrences } from './schedules.ts';
import { runsAfter, upcomingRuns } from './schedules.ts';

const secondUs = 1_000_000;
const minuteUs = 60 * secondUs;
const hourUs = 60 * minuteUs;
/** A whole day since the epoch. */
const midnightUs = 20_000 * 24 * hourUs;

/** Times of every day, in minutes of the day. */
const daily = (...minutes: readonly number[]): Occurrences =>
  function* (_, afterUs) {
    for (let dayUs = midnightUs - 48 * hourUs; dayUs < midnightUs + 1000 * hourUs; dayUs += 24 * hourUs)
      for (const minute of minutes) if (dayUs + minute * minuteUs > afterUs) yield dayUs + minute * minuteUs;
  };
const everyMinute = daily(...Array.from({ length: 24 * 60 }, (_, minute) => minute));

const schedule = { expression: '* * * * *', timezone: 'UTC' };
const ids = Array.from({ length: 300 }, (_, index) => `depl_${index}`);
const runs = (occurrences: Occurrences, deploymentId = 'depl_1') => ({ schedule, deploymentId, occurrences });

/** The delays of the first run of each of many deployments. */
function delays(occurrences: Occurrences): number[] {
  return ids.map((id) => {
    const [first] = runsAfter(runs(occurrences, id), midnightUs);
    assert.ok(first);
    return (first.startsAtUs - first.scheduledAtUs) / secondUs;
  });
}

describe('a scheduled run', () => {
  test('starts 5 to 9 seconds late when the next is a minute away', () => {
    assert.deepEqual([...new Set(delays(everyMinute))].sort(), [5, 6, 7, 8]);
  });

  test('starts at most 9 minutes late, spread over them', () => {
    const seen = delays(daily(60));
    assert.ok(
      Math.min(...seen) >= 5 && Math.max(...seen) <= 540,
      `${Math.min(...seen)} to ${Math.max(...seen)}`,
    );
    assert.ok(Math.max(...seen) > 530 && new Set(seen).size > 200);
  });

  test('is delayed by the way to the next, however uneven', () => {
    for (const deploymentId of ids) {
      const [hourly, late] = runsAfter(runs(daily(60, 65), deploymentId), midnightUs);
      assert.ok(hourly && late);
      assert.ok(hourly.startsAtUs <= hourly.scheduledAtUs + 45 * secondUs);
      assert.ok(late.startsAtUs <= late.scheduledAtUs + 9 * minuteUs);
      assert.ok(hourly.startsAtUs < late.startsAtUs);
    }
  });

  test('is delayed the same whenever one asks', () => {
    const [, , third] = runsAfter(runs(everyMinute), midnightUs);
    const [same] = runsAfter(runs(everyMinute), midnightUs + 2 * minuteUs);
    assert.deepEqual(third, same);
  });

  test('that is the last is there too', () => {
    const once: Occurrences = function* (_, afterUs) {
      if (afterUs < midnightUs) yield midnightUs;
    };
    const all = [...runsAfter(runs(once), 0)];
    assert.equal(all.length, 1);
    assert.equal(all[0]?.scheduledAtUs, midnightUs);
    assert.deepEqual([...runsAfter(runs(once), midnightUs)], []);
  });
});

describe('upcoming runs', () => {
  const sinceUs = midnightUs - 24 * hourUs;
  const times = (occurrences: Occurrences, nowUs: number, since = sinceUs) =>
    upcomingRuns(runs(occurrences), { nowUs, sinceUs: since }).map(
      ({ scheduledAtUs }) => (scheduledAtUs - midnightUs) / minuteUs,
    );

  test('are five', () => {
    assert.deepEqual(times(daily(60), midnightUs), [60, 1500, 2940, 4380, 5820]);
  });

  test('are those that have not started, though their time has come', () => {
    const [first] = runsAfter(runs(daily(60)), midnightUs);
    assert.ok(first);
    const { startsAtUs } = first;
    assert.equal(times(daily(60), startsAtUs - 1)[0], 60);
    assert.equal(times(daily(60), startsAtUs)[0], 1500);
  });

  test('do not make up for what matched before the schedule was in force', () => {
    const nowUs = midnightUs + 60 * minuteUs + secondUs;
    assert.equal(times(daily(60), nowUs)[0], 60);
    assert.equal(times(daily(60), nowUs, nowUs)[0], 1500);
  });
});
