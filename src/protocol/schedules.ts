import { z } from 'zod';
import { text, timestamp } from './text.ts';

/** Cron schedules, as they come in and as they are shown (spec/deployments.md, Schedule). */

type FieldRule = {
  readonly name: string;
  readonly min: number;
  readonly max: number;
  readonly stepMax: number;
  /** What may stand for the numbers from `min` on. */
  readonly words: readonly string[];
};

const fieldRules: readonly FieldRule[] = [
  { name: 'minute', min: 0, max: 59, stepMax: 60, words: [] },
  { name: 'hour', min: 0, max: 23, stepMax: 24, words: [] },
  { name: 'day of month', min: 1, max: 31, stepMax: 31, words: [] },
  {
    name: 'month',
    min: 1,
    max: 12,
    stepMax: 12,
    words: ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC'],
  },
  {
    name: 'day of week',
    min: 0,
    max: 7,
    stepMax: 7,
    words: ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT'],
  },
];

/** The longest of each month, February's in leap years. */
const monthDays = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** What keeps a text from being a schedule that fires, or `null`. */
export function cronProblem(expression: string): string | null {
  if (expression.trim().startsWith('@')) return 'shortcuts such as @daily are not supported; use 5 fields';
  const fields = cronFields(expression);
  if (fields.length !== fieldRules.length) {
    return `must have 5 fields (minute, hour, day of month, month, day of week), not ${fields.length}`;
  }
  for (const [index, rule] of fieldRules.entries()) {
    const problem = fieldProblem(fields[index] ?? '', rule);
    if (problem !== null) return problem;
  }
  return dateProblem(fields);
}

/** The fields of an expression, however it is spaced. */
export function cronFields(expression: string): readonly string[] {
  return expression
    .trim()
    .split(/\s+/)
    .filter((field) => field !== '');
}

function fieldProblem(field: string, rule: FieldRule): string | null {
  if (/[?#]|\b\d*[LW]\b/i.test(field)) {
    return `${rule.name} "${field}": L, W, # and ? are not supported`;
  }
  const bad = field.split(',').find((item) => itemValues(item, rule) === null);
  if (bad === undefined) return null;
  const words = rule.words.length === 0 ? '' : ` or ${rule.words[0]}-${rule.words.at(-1)}`;
  return `${rule.name} "${field}": must be *, numbers from ${rule.min} to ${rule.max}${words}, ranges a-b, steps */n or a-b/n, or a list of these`;
}

/** The numbers that one item of a field's list stands for, or `null`. */
function itemValues(item: string, rule: FieldRule): number[] | null {
  const match = /^(?:(\*)|(\w{1,3})(?:-(\w{1,3}))?)(?:\/(\d{1,2}))?$/.exec(item);
  if (!match) return null;
  const [, star, first = '', last, steps] = match;
  if (steps !== undefined && star === undefined && last === undefined) return null;
  const from = star === undefined ? numberOf(first, rule) : rule.min;
  const to = star === undefined ? upperNumberOf(last ?? first, rule, last !== undefined) : rule.max;
  const step = Number(steps ?? 1);
  if (from === null || to === null || from > to || step < 1 || step > rule.stepMax) return null;
  return Array.from({ length: Math.floor((to - from) / step) + 1 }, (_, index) => from + index * step);
}

function numberOf(text: string, { min, max, words }: FieldRule): number | null {
  if (/^\d{1,2}$/.test(text)) return Number(text) >= min && Number(text) <= max ? Number(text) : null;
  const index = words.indexOf(text.toUpperCase());
  return index === -1 ? null : min + index;
}

/** A week that ends on Sunday: FRI-SUN is 5-7. */
function upperNumberOf(text: string, rule: FieldRule, isRange: boolean): number | null {
  return isRange && text.toUpperCase() === 'SUN' ? numberOf('7', rule) : numberOf(text, rule);
}

/** The 31st of February never comes, unless days of the week are an alternative to it. */
function dateProblem(fields: readonly string[]): string | null {
  const [, , day = '', month = '', weekday = ''] = fields;
  const [, , dayRule, monthRule] = fieldRules;
  if (weekday !== '*' || !dayRule || !monthRule) return null;
  const days = valuesOf(day, dayRule);
  const months = valuesOf(month, monthRule);
  const comes = months.some((each) => days.some((date) => date <= (monthDays[each - 1] ?? 0)));
  return comes ? null : `day of month "${day}" does not exist in month "${month}"`;
}

function valuesOf(field: string, rule: FieldRule): number[] {
  return field.split(',').flatMap((item) => itemValues(item, rule) ?? []);
}

/** Names that ICU knows from elsewhere, and that mean something else to everybody: not in the IANA database. */
const foreignZones =
  /^(ACT|AET|AGT|ART|AST|BET|BST|CAT|CNT|CST|CTT|EAT|ECT|IET|IST|JST|MIT|NET|NST|PLT|PNT|PRT|PST|SST|VST|SystemV\/.*)$/i;

/** Whether this is a name of the IANA time zone database. Offsets such as +01:00 are none. */
export function isTimeZone(name: string): boolean {
  if (!/^[A-Za-z][A-Za-z0-9_+/-]{0,63}$/.test(name) || foreignZones.test(name)) return false;
  try {
    return new Intl.DateTimeFormat('en-US', { timeZone: name }) !== null;
  } catch {
    return false;
  }
}

const expressionParams = text(256, 1).superRefine((expression, context) => {
  const problem = cronProblem(expression);
  if (problem !== null) context.addIssue({ code: 'custom', message: problem });
});

const timeZoneParams = z.string().superRefine((name, context) => {
  if (isTimeZone(name)) return;
  const shown = JSON.stringify(name.slice(0, 64));
  context.addIssue({ code: 'custom', message: `${shown} is not an IANA time zone such as Europe/Berlin` });
});

/** A union of one, so that another `type` is told from an unknown field. */
export const scheduleParams = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('cron'), expression: expressionParams, timezone: timeZoneParams }),
]);
export type ScheduleParams = z.infer<typeof scheduleParams>;

export const scheduleSchema = z.strictObject({
  type: z.literal('cron'),
  expression: z.string(),
  timezone: z.string(),
  last_run_at: timestamp.nullable(),
  upcoming_runs_at: z.array(timestamp),
});
