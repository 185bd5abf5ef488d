/** How long things are kept that nobody takes away by hand, in days; null: for ever. */
export type RetentionSettings = {
  /** Files of the sandboxes of sessions that are archived, terminated or deleted. */
  readonly sandboxesDays: number | null;
  /** Those of sessions in which nothing has happened for so long; such a session can go on, without them. */
  readonly idleSandboxesDays: number | null;
  /** Files that belong to a session which was archived so long ago. */
  readonly sessionFilesDays: number | null;
  /** Sessions with their logs, since they were archived. */
  readonly archivedSessionsDays: number | null;
  readonly egressDays: number | null;
  readonly deploymentRunsDays: number | null;
  /** Items of work queues since they stopped. */
  readonly workDays: number | null;
  readonly usageDays: number | null;
};

export type RetentionRound = {
  readonly settings: RetentionSettings;
  readonly nowUs: number;
  /** Takes the place of the files of a session that can go on. */
  readonly emptySnapshot: Uint8Array;
};

export interface Retention {
  /** Takes away what has been kept for long enough, one bounded batch after the other, of which each is a step. */
  round(what: RetentionRound): AsyncGenerator<void>;
  /** Ids of sessions that were archived for long enough, to be deleted; each bounded page, also an empty one, is a step. */
  outlived(what: Pick<RetentionRound, 'settings' | 'nowUs'>): AsyncGenerator<readonly string[]>;
  /** Of these sessions those whose sandboxes' files need not be kept; `isGone`: there is no such session. */
  forsaken(
    ids: readonly string[],
    what: Pick<RetentionRound, 'settings' | 'nowUs'>,
  ): Promise<readonly { readonly id: string; readonly isGone: boolean }[]>;
}

const usPerDay = 24 * 3_600 * 1_000_000;

/** What is as old as this, or older, goes; null: nothing does. */
export function cutoffUs(days: number | null, nowUs: number): number | null {
  return days === null ? null : nowUs - days * usPerDay;
}

export type SessionStanding = {
  readonly archivedAtUs: number | null;
  readonly status: string;
  /** When something happened in it last. */
  readonly lastAtUs: number;
};

/** Whether the files of a session's sandbox have been kept for long enough, and whether it can still go on. */
export function isForsaken(
  { archivedAtUs, status, lastAtUs }: SessionStanding,
  { settings, nowUs }: Pick<RetentionRound, 'settings' | 'nowUs'>,
): boolean {
  const isEnded = archivedAtUs !== null || status === 'terminated';
  const before = cutoffUs(isEnded ? settings.sandboxesDays : settings.idleSandboxesDays, nowUs);
  if (before === null || (!isEnded && status !== 'idle')) return false;
  return (archivedAtUs ?? lastAtUs) <= before;
}
