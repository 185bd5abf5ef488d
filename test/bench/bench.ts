import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { benchDatabases } from './databases.ts';
import { benchEgress } from './egress.ts';
import { benchFiles } from './files.ts';
import { benchLists } from './lists.ts';
import { benchLoad } from './load.ts';
import { benchPackages } from './packages.ts';
import { benchPeer } from './peer.ts';
import { benchRequests } from './requests.ts';
import { benchSandboxes } from './sandboxes.ts';
import { benchStreams } from './streams.ts';
import { benchTakeover } from './takeover.ts';
import { benchTurns } from './turns.ts';

/**
 * `npm run bench [PART…]`: what things cost, beside what this machine can do at all, in one run.
 * Servers, floors and load client are processes of their own. Compare ratios, not machines.
 */
const parts = new Map([
  ['requests', benchRequests],
  ['turns', turnsOfAll],
  ['load', benchLoad],
  ['lists', benchLists],
  ['files', benchFiles],
  ['streams', benchStreams],
  ['egress', benchEgress],
  ['databases', benchDatabases],
  ['takeover', benchTakeover],
  ['sandboxes', benchSandboxes],
  ['packages', benchPackages],
]);
async function turnsOfAll(directory: string): Promise<void> {
  await benchTurns(directory);
  await benchPeer(directory);
}

const asked = process.argv.slice(2);
const chosen = asked.length === 0 ? [...parts.keys()] : asked;

const directory = mkdtempSync(join(tmpdir(), 'anthill-bench-'));
try {
  console.log(`Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model.trim()}`);
  for (const name of chosen) {
    const bench = parts.get(name);
    if (!bench) throw new Error(`no part ${name}; there are ${[...parts.keys()].join(', ')}`);
    console.log(`\n${name}\n`);
    await bench(directory);
  }
} finally {
  rmSync(directory, { recursive: true, force: true });
}
