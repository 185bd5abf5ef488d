import { mkdirSync } from 'node:fs';
import { after, describe, test } from 'node:test';
import type { SandboxProvider } from '../../src/domain/sandbox.ts';
import { createContainerProvider } from '../../src/hands/containers/provider.ts';
import { supervisorPath } from '../../src/hands/supervisor/sandbox.ts';
import { startPodman } from '../support/podman.ts';
import { describeEscapes } from './escape-suite.ts';

const engine = await startPodman();

if ('skip' in engine) test('nobody gets out of a container', { skip: engine.skip }, () => {});
else
  describe('containers', () => {
    const { socket, image } = engine;
    after(() => engine.close());

    function provider(dataDir: string): SandboxProvider {
      mkdirSync(dataDir, { recursive: true, mode: 0o700 });
      const uid = process.getuid?.() ?? 0;
      return createContainerProvider({ socket, image, runtime: null, dataDir, uid });
    }

    describeEscapes({
      name: 'a container',
      provider,
      init: supervisorPath,
      doors: [false, true],
      // Engines show both to every container: where things come from, not what is there.
      except: ['see control groups', 'see the mounts of the host'],
    });
  });
