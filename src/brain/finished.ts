import type { ToolOutcome } from '../domain/hands.ts';
import type { ModelFailure, ModelReply } from '../domain/model.ts';
import type { Call } from '../domain/session/state.ts';

/** Something a running turn waited for. */
export type Finished =
  | {
      readonly type: 'reply';
      readonly requestId: string;
      readonly reply: ModelReply;
      readonly previewed: ReadonlyMap<number, string>;
    }
  | { readonly type: 'failure'; readonly failure: ModelFailure }
  /** The request was aborted: no reply will come. */
  | { readonly type: 'cut' }
  /** `cut`: the call was aborted, its outcome says nothing. */
  | { readonly type: 'result'; readonly call: Call; readonly outcome: ToolOutcome; readonly cut: boolean }
  /** The log grew by a client's hand. */
  | { readonly type: 'notice' };
