import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import type { ServerHome, ServerProcess } from './server.ts';
import { serverHome } from './server.ts';

export type Suite = {
  readonly home: ServerHome;
  /** Of no use before the first test. */
  readonly server: ServerProcess;
  /** Its client, likewise. */
  readonly client: Anthropic;
  /** Starts anew on the same directory when the server was stopped or killed: `server` and `client` are the new one's. */
  readonly startAgain: () => Promise<void>;
};

type Texts = Readonly<Record<string, string>>;
type Named = {
  readonly name: string;
  readonly scenarios?: Texts;
  readonly env?: Texts;
  /** Of its anthill.yaml. */
  readonly settings?: string;
};

/** No repository is looked for on the network: there is none at this machine. */
export const withoutGithub = 'sandbox_network: { hosts: { github.com: 127.0.0.1 } }\n';

/** Tests of one real server, with scenario files behind `scripted/<name>`; none of them may log an error. */
export function describeServer(named: string | Named, tests: (suite: Suite) => void): void {
  const { name, scenarios, env, settings }: Named = typeof named === 'string' ? { name: named } : named;
  describe(name, () => {
    const home = serverHome(scenarios);
    const client = new Anthropic({ baseURL: 'http://localhost', apiKey: 'unknown yet' });
    // The tests hold on to both from the start; what they stand for is filled in once the server listens.
    const server = {} as ServerProcess;
    const startAgain = async () => {
      Object.assign(server, await home.start(env), { client });
      client.baseURL = server.baseUrl;
      client.apiKey = server.apiKey;
    };
    before(async () => {
      if (settings !== undefined) {
        mkdirSync(home.dataDir, { recursive: true, mode: 0o700 });
        writeFileSync(join(home.dataDir, 'anthill.yaml'), settings);
      }
      await startAgain();
    });
    after(() => home.remove());

    tests({ home, server, client, startAgain });

    test('nothing of this was logged as an error', () => {
      assert.deepEqual(server.errors(), []);
    });
  });
}
