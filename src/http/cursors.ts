import { createHmac, timingSafeEqual } from 'node:crypto';
import { invalid } from '../protocol/refusal.ts';
import type { Route } from '../protocol/route.ts';

/** The list that a request is about: one cursor leads through one list. */
export type List = {
  readonly workspaceId: string;
  readonly route: Route;
  /** What the path names. */
  readonly params: Readonly<Record<string, string>>;
};

/** Where cursors leave the server and come back; commands know only the positions inside. */
export type Cursors = {
  /** The query with the position that its `page` holds. Refused as malformed: any cursor not sealed for this list. */
  opened(list: List, query: unknown): unknown;
  /** The answer with its cursors sealed for this list. */
  sealed(list: List, answer: unknown): unknown;
};

const sealBytes = 16;
/** In base64url, at the end of the cursor. */
const sealLength = 22;

/**
 * Cursors with a seal: HMAC-SHA-256 under a key of this installation, over the position and the list it belongs
 * to. Filters and `limit` are left out, for they may change from page to page (spec/README.md, Pagination).
 */
export function createCursors(key: string): Cursors {
  function sealOf({ workspaceId, route, params }: List, position: string): string {
    const sealed = JSON.stringify([workspaceId, route.path, Object.values(params), position]);
    const digest = createHmac('sha256', key).update(sealed).digest();
    return digest.subarray(0, sealBytes).toString('base64url');
  }

  function open(list: List, cursor: string): string {
    const position = cursor.slice(0, -sealLength);
    // Compared as text: base64 has several spellings of the same bytes.
    const given = Buffer.from(cursor.slice(-sealLength));
    const expected = Buffer.from(sealOf(list, position));
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
      throw invalid('page: invalid cursor');
    }
    return position;
  }

  return {
    opened(list, query) {
      if (!hasCursors(list.route)) return query;
      // The query of such a route has its `page`, see `list` in protocol/route-parts.ts.
      const parsed = query as { readonly page?: string };
      return parsed.page === undefined ? parsed : { ...parsed, page: open(list, parsed.page) };
    },
    sealed(list, answer) {
      if (!hasCursors(list.route)) return answer;
      const seal = (cursor: string | null) => cursor && `${cursor}${sealOf(list, cursor)}`;
      // Handlers of such routes answer with a page, see control/page.ts.
      const page = answer as { readonly next_page: string | null; readonly prev_page?: string | null };
      return {
        ...page,
        next_page: seal(page.next_page),
        ...(page.prev_page === undefined ? {} : { prev_page: seal(page.prev_page) }),
      };
    },
  };
}

function hasCursors({ paging }: Route): boolean {
  return paging !== null && paging.kind !== 'ids';
}
