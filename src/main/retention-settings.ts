import { retainedSandboxDaysDefault } from '../domain/limits.ts';
import type { RetentionSettings } from '../domain/retention.ts';

const forEver = 'forever';

/** Of `retention` in anthill.yaml, with what is the case unless configured. */
const names = {
  sandboxes_days: ['sandboxesDays', retainedSandboxDaysDefault],
  idle_sandboxes_days: ['idleSandboxesDays', null],
  session_files_days: ['sessionFilesDays', null],
  archived_sessions_days: ['archivedSessionsDays', null],
  egress_days: ['egressDays', null],
  deployment_runs_days: ['deploymentRunsDays', null],
  work_days: ['workDays', null],
  usage_days: ['usageDays', null],
} as const satisfies Readonly<Record<string, readonly [keyof RetentionSettings, number | null]>>;

export const retentionNames = Object.keys(names);

/** A mistake is thrown as `Mistake`, in one sentence. */
export function retentionSettingsOf(
  file: Readonly<Record<string, unknown>>,
  Mistake: new (message: string) => Error,
): RetentionSettings {
  const days = Object.entries(names).map(([name, [setting, usually]]) => {
    const value = file[name] ?? usually;
    if (value === null || value === forEver) return [setting, null];
    if (typeof value === 'number' && Number.isInteger(value) && value >= 0) return [setting, value];
    throw new Mistake(`retention.${name}: must be a number of days, 0 or more, or ${forEver}`);
  });
  return Object.fromEntries(days) as RetentionSettings;
}
