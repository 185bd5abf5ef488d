import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { sandboxProviderContract } from '../../../test/contract/sandbox-provider.ts';
import { startPodman } from '../../../test/support/podman.ts';
import { sandboxServer } from '../../../test/support/sandbox-server.ts';
import { createContainerProvider } from './provider.ts';

const engine = await startPodman();

if ('skip' in engine) test('a container sandbox', { skip: engine.skip }, () => {});
else
  describe('a container sandbox', () => {
    const { socket, image } = engine;
    const uid = process.getuid?.() ?? 0;
    const open = (dataDir: string) => {
      mkdirSync(dataDir, { recursive: true, mode: 0o700 });
      return createContainerProvider({ socket, image, runtime: null, dataDir, uid });
    };
    after(() => engine.close());

    sandboxProviderContract({
      open,
      startServer: (place, seconds) =>
        sandboxServer(
          (root, dataDir) => `
            import { createContainerProvider } from ${JSON.stringify(join(root, 'src/hands/containers/provider.ts'))};
            const provider = createContainerProvider(${JSON.stringify({ socket, image, runtime: null, dataDir, uid })});`,
          place,
          seconds,
        ),
      sweeps: 1,
      atOnce: 8,
    });
  });
