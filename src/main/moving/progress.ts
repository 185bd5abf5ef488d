import type { Amount } from '../../store/archive/counts.ts';
import type { World } from '../world.ts';

export type Progress = {
  /** What is being done, how much of it is done, and of how much, if that is known. */
  tell(doing: string, amount: Amount, total?: Amount | null): void;
  /** Before anything else is said. */
  end(): void;
};

/** A line on the terminal that is written anew once a second; nothing where standard error is no terminal. */
export function showProgress({ stderr }: Pick<World, 'stderr'>, nowMs = () => performance.now()): Progress {
  let saidAtMs = nowMs();
  let isShown = false;
  return {
    tell(doing, amount, total = null) {
      if (!stderr.isTTY || nowMs() - saidAtMs < paceMs) return;
      saidAtMs = nowMs();
      isShown = true;
      stderr.write(`${startOfLine}${doing}: ${printed(amount, total)}`);
    },
    end() {
      if (isShown) stderr.write(startOfLine);
      isShown = false;
    },
  };
}

const paceMs = 1_000;
/** What was there is gone. */
const startOfLine = '\r\x1b[K';

function printed({ rows, contents, bytes }: Amount, total: Amount | null): string {
  const of = total === null ? '' : ` of ${megabytes(total.bytes)}`;
  return `${rows.toLocaleString('en')} rows, ${contents.toLocaleString('en')} contents, ${megabytes(bytes)}${of} MB`;
}

function megabytes(bytes: number): string {
  return Math.round(bytes / 1_000_000).toLocaleString('en');
}
