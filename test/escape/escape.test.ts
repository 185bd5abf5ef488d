import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after } from 'node:test';
import type { SandboxProvider } from '../../src/domain/sandbox.ts';
import { findBubblewrap } from '../../src/hands/bubblewrap/install.ts';
import { createBubblewrapProvider } from '../../src/hands/bubblewrap/provider.ts';
import { supervisorPath } from '../../src/hands/supervisor/sandbox.ts';
import { bubblewrapProvider } from '../support/sandbox.ts';
import { describeControl, describeEscapes } from './escape-suite.ts';

/** What root of a sandbox has of its own, and may have there. */
const privilegesInside = [
  'have a capability',
  'gain privileges by a setuid program',
  'gain privileges by a setgid program',
  'gain privileges by the capabilities of a program',
  'become another user',
  'join a group',
  'give capabilities to a file',
  // Of no use: the filter lets nobody make one.
  'allow more user namespaces',
  // The supervisor of its own sandbox, whose frames the server does not trust.
  'open the memory of the supervisor',
  'see the maps of the supervisor',
  'see what the supervisor has open',
];

const weakPlace = join('/tmp', `anthill-weak-${process.pid}`);
after(() => rmSync(weakPlace, { recursive: true, force: true }));

/** Sandboxes as they are, but for what an attacker may have gained in them: arguments of bubblewrap are replaced. */
function weakened(replaced: string, by: string): (dataDir: string) => SandboxProvider {
  return (dataDir) => {
    mkdirSync(dataDir, { recursive: true });
    const bubblewrap = findBubblewrap(process.env['PATH'] ?? '');
    // The session's user runs it, who does not reach the data directory.
    mkdirSync(weakPlace, { recursive: true });
    chmodSync(weakPlace, 0o755);
    const script = join(weakPlace, by.replaceAll(/\W+/g, '-'));
    const text = `#!/bin/bash\nall=" $* "\n[[ $all == *"${replaced}"* ]] || exit 9\nexec ${bubblewrap} \${all/"${replaced}"/"${by}"}\n`;
    writeFileSync(script, text, { mode: 0o755 });
    return createBubblewrapProvider({ bubblewrap: script, dataDir, isRoot: process.getuid?.() === 0 });
  };
}

describeControl();
describeEscapes({
  name: 'a bubblewrap sandbox',
  provider: bubblewrapProvider,
  init: supervisorPath,
  doors: [false, true],
});
describeEscapes({
  name: 'a bubblewrap sandbox as a user without a name',
  provider: weakened('--uid 0 --gid 0', '--uid 1000 --gid 1000'),
  init: supervisorPath,
  doors: [false],
});
describeEscapes({
  name: 'a bubblewrap sandbox with all capabilities that it could have inside',
  provider: weakened('--cap-drop ALL', '--cap-add ALL'),
  init: supervisorPath,
  doors: [true],
  except: privilegesInside,
});
