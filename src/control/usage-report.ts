import type { Clock } from '../base/clock.ts';
import { parseUs } from '../base/timestamp.ts';
import { usageRowsMax } from '../domain/limits.ts';
import type { Usage } from '../domain/organization.ts';
import type { UsageQuery } from '../domain/usage.ts';
import { bucketsOf, hourUs } from '../domain/usage.ts';
import { decodeCursor, encodeCursor } from '../protocol/cursor.ts';
import { invalid } from '../protocol/refusal.ts';
import type { QueryOf } from '../protocol/routes.ts';
import type { UsageBucket } from '../protocol/usage-report.ts';

export type UsageReportDeps = { readonly usage: Usage; readonly clock: Clock };

export type UsageReportQuery = QueryOf<'organization.usageReport messages'>;
export type UsageReportPage = { data: UsageBucket[]; next_page: string | null; has_more: boolean };

export type UsageReportCommands = { messages(query: UsageReportQuery): Promise<UsageReportPage> };

const widths = {
  '1d': { widthUs: 24 * hourUs, limitDefault: 7, limitMax: 31 },
  '1h': { widthUs: hourUs, limitDefault: 24, limitMax: 168 },
} as const;

/** Buckets from `starting_at` on, each a whole day or hour of UTC; a page is a number of buckets. */
export function createUsageReportCommands({ usage, clock }: UsageReportDeps): UsageReportCommands {
  return {
    async messages(query) {
      const { widthUs, limitDefault, limitMax } = widths[query.bucket_width ?? '1d'];
      const limit = query.limit ?? limitDefault;
      if (limit > limitMax) throw invalid(`limit must be between 1 and ${limitMax}`);
      const range = rangeOf(query, widthUs, clock.nowUs());
      const from = query.page === undefined ? range.fromUs : continued(query.page, range, widthUs);
      const untilUs = Math.min(range.untilUs, from + limit * widthUs);
      const data = await page(usage, {
        fromUs: from,
        untilUs,
        widthUs,
        byWorkspace: query.group_by?.includes('workspace_id') ?? false,
        byModel: query.group_by?.includes('model') ?? false,
        workspaceIds: query.workspace_ids ?? null,
        models: query.models ?? null,
      });
      const more = untilUs < range.untilUs;
      const next = more ? encodeCursor({ order: 'asc', position: [untilUs, widthUs], back: false }) : null;
      return { data, next_page: next, has_more: more };
    },
  };
}

async function page(usage: Usage, query: UsageQuery): Promise<UsageBucket[]> {
  const totals = await usage.sum(query);
  if (totals.length > usageRowsMax) {
    throw invalid(
      `the page has more than ${usageRowsMax} rows; ask for fewer buckets with limit, or filter by workspace_ids or models`,
    );
  }
  return bucketsOf(query, totals);
}

type Range = { readonly fromUs: number; readonly untilUs: number };

function rangeOf(query: UsageReportQuery, widthUs: number, nowUs: number): Range {
  const from = timeOf(query.starting_at, 'starting_at');
  const until = query.ending_at === undefined ? nowUs : timeOf(query.ending_at, 'ending_at');
  if (until <= from) throw invalid('ending_at: must be after starting_at');
  return { fromUs: Math.floor(from / widthUs) * widthUs, untilUs: Math.ceil(until / widthUs) * widthUs };
}

function timeOf(text: string, name: string): number {
  const atUs = parseUs(text);
  if (atUs === null) throw invalid(`${name}: must be an RFC 3339 time`);
  return atUs;
}

function continued(text: string, { fromUs, untilUs }: Range, widthUs: number): number {
  const [atUs, width] = decodeCursor(text, 'asc').position;
  if (width !== widthUs || atUs < fromUs || atUs >= untilUs)
    throw invalid('page: this cursor belongs to another range or bucket_width');
  return atUs;
}
