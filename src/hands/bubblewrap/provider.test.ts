import { join } from 'node:path';
import { describe } from 'node:test';
import { sandboxProviderContract } from '../../../test/contract/sandbox-provider.ts';
import { bubblewrapProvider } from '../../../test/support/sandbox.ts';
import { sandboxServer } from '../../../test/support/sandbox-server.ts';

describe('a bubblewrap sandbox', () => {
  sandboxProviderContract({
    open: bubblewrapProvider,
    startServer: (place, seconds) =>
      sandboxServer(
        (root, dataDir) => `
          import { bubblewrapProvider } from ${JSON.stringify(join(root, 'test/support/sandbox.ts'))};
          const provider = bubblewrapProvider(${JSON.stringify(dataDir)});`,
        place,
        seconds,
      ),
    sweeps: 0,
    atOnce: 20,
  });
});
