import { fanOut } from './fan-out.ts';
import { longSessions } from './long-sessions.ts';
import { replay } from './replay.ts';
import { table } from './statistics.ts';
import { waitingSessions } from './waiting.ts';

/** Sessions that many listen to, that are long, and that many wait in. */
export async function benchStreams(directory: string): Promise<void> {
  console.log(`${table(await fanOut(directory))}\n`);
  console.log(`${table(await replay(directory))}\n`);
  const { rows, ratio } = await longSessions(directory);
  console.log(`${table(rows)}\n\nlong to short: ${ratio.toFixed(2)}\n`);
  console.log(table(await waitingSessions(directory)));
}
