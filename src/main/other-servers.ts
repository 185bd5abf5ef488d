import { systemClock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Tails } from '../domain/tails.ts';
import type { SharedStore } from '../store/open-postgres.ts';
import type { TailsBesides } from '../store/tails.ts';
import type { FollowServers, FollowServersDeps } from '../workers/follow-servers.ts';
import { followServers } from '../workers/follow-servers.ts';
import type { SharePreviews } from '../workers/share-previews.ts';
import { sharePreviews } from '../workers/share-previews.ts';
import type { StoreEvents } from './open-store.ts';

type Followers = Pick<FollowServersDeps, 'tails' | 'sessions' | 'hands' | 'notifyQueue'>;

export type OtherServers = {
  /** For the store, which is opened first. */
  readonly line: Pick<StoreEvents, 'heard' | 'missed' | 'reopened'>;
  /** For the tails. */
  readonly besides: Required<TailsBesides>;
  readonly noticeCommit: SharePreviews['noticeCommit'];
  /** Where turns preview: for the readers here, and those elsewhere. */
  previewsOf(tails: Tails): Pick<Tails, 'preview'>;
  /** From now on they are heard. */
  follow(parts: Followers & { readonly shared: SharedStore }): void;
  close(): Promise<void>;
};

/** What this server has to do with others on its database. Until it follows them, and with SQLite, nothing. */
export function createOtherServers(log: Log): OtherServers {
  const clock = systemClock;
  let follower: FollowServers | null = null;
  let previews: SharePreviews | null = null;
  let tails: Tails | null = null;
  let recentlyAccepted: SharedStore['recentlyAccepted'] = async () => [];

  function missed(): void {
    follower?.missed();
  }

  return {
    line: {
      heard(message) {
        previews?.heard(message);
        if (message.type === 'commit') follower?.heard(message);
        if (message.type === 'freed') missed();
        if (message.type === 'heard') tails?.heardElsewhere(message.sessionId, message.accepted);
      },
      missed,
      reopened() {
        previews?.missed();
        missed();
      },
    },
    besides: {
      previewsWanted: (sessionId) => previews?.want(sessionId),
      recentlyAccepted: (sessionId) => recentlyAccepted(sessionId),
    },
    noticeCommit: (commit) => previews?.noticeCommit(commit),
    previewsOf: (here) => ({
      preview(sessionId, preview) {
        here.preview(sessionId, preview);
        previews?.offer(sessionId, preview);
      },
    }),
    follow({ shared, ...parts }) {
      const isRunning = (sessionId: string) => parts.sessions.running().includes(sessionId);
      tails = parts.tails;
      recentlyAccepted = shared.recentlyAccepted;
      previews = sharePreviews({ tails, tell: shared.tell, isRunning, clock });
      follower = followServers({ ...shared, ...parts, logger: log, clock });
    },
    close: async () => await follower?.close(),
  };
}
