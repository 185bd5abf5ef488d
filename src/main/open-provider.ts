import type { SandboxProvider } from '../domain/sandbox.ts';
import { ensureBubblewrap } from '../hands/bubblewrap/install.ts';
import { createBubblewrapProvider } from '../hands/bubblewrap/provider.ts';
import { createContainerProvider } from '../hands/containers/provider.ts';
import type { SandboxSettings } from './sandbox-settings.ts';

export type OpenProviderOptions = {
  readonly dataDir: string;
  /** The `PATH` to search. */
  readonly path: string;
  /** Whether what is missing may be installed. */
  readonly mayInstall: boolean;
  readonly say: (line: string) => void;
};

export type OpenedProvider = {
  readonly provider: SandboxProvider;
  /** The program or socket behind it. */
  readonly place: string;
};

/** Where no sandboxes are made. */
export const noProvider: SandboxProvider = {
  capabilities: async () => ({
    ...{ provider: 'none', isolation: [], limits: [], network: 'none' },
    unavailable: 'this server was started without the role hands',
  }),
  provision: () => Promise.reject(new Error('this server was started without the role hands')),
  sweep: async () => 0,
};

/** What makes sandboxes here. Rejects with one sentence where nothing can: tools are never run without isolation. */
export async function openProvider(
  settings: SandboxSettings,
  { dataDir, path, mayInstall, say }: OpenProviderOptions,
): Promise<OpenedProvider> {
  const uid = process.getuid?.() ?? 0;
  if (settings.provider === 'container') {
    const { socket, image, runtime } = settings;
    return {
      provider: createContainerProvider({ socket, image, runtime, dataDir, uid }),
      place: `${socket}, with ${image}`,
    };
  }
  const bubblewrap = await ensureBubblewrap({ path, isRoot: uid === 0 && mayInstall, say });
  const provider = createBubblewrapProvider({ bubblewrap, dataDir, isRoot: uid === 0 });
  return { provider, place: bubblewrap };
}
