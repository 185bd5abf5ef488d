import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Anthropic from '@anthropic-ai/sdk';
import type { Clock } from '../../src/base/clock.ts';
import { createScriptedEndpoint } from '../../src/brain/models/scripted/endpoint.ts';
import { fakeClock } from './clock.ts';

export type ScriptedPlace = {
  /** The official client, talking to the endpoint without a socket. */
  readonly client: Anthropic;
  readonly endpoint: (request: Request) => Promise<Response>;
  /** Writes a scenario file. */
  put(name: string, text: string): void;
  remove(): void;
};

/** A scripted endpoint over a directory of its own. */
export function scriptedPlace(
  scenarios: Readonly<Record<string, string>> = {},
  clock: Clock = fakeClock(),
): ScriptedPlace {
  const directory = mkdtempSync(join(tmpdir(), 'anthill-scripted-'));
  const put = (name: string, text: string) => writeFileSync(join(directory, `${name}.yaml`), text);
  for (const [name, text] of Object.entries(scenarios)) put(name, text);
  const endpoint = createScriptedEndpoint({ scenariosDir: directory, clock });
  return {
    client: new Anthropic({
      baseURL: 'http://scripted.internal',
      apiKey: 'scripted',
      maxRetries: 0,
      logLevel: 'off',
      fetch: (input, init) => endpoint(new Request(input, init)),
    }),
    endpoint,
    put,
    remove: () => rmSync(directory, { recursive: true, force: true }),
  };
}

/** A Messages request to a scripted model: what was said, alternating, the user first. */
export function scriptedRequest(name: string, ...said: (string | Anthropic.ContentBlockParam[])[]) {
  return {
    model: `scripted/${name}`,
    max_tokens: 1024,
    messages: said.map(
      (content, at): Anthropic.MessageParam =>
        at % 2 === 0
          ? { role: 'user', content: content as Anthropic.UserMessageParam['content'] }
          : { role: 'assistant', content: content as Anthropic.AssistantMessageParam['content'] },
    ),
  };
}
