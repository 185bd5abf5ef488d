import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { ServerProcess } from '../support/server.ts';
import { serverHome } from '../support/server.ts';

const directory = join(import.meta.dirname, '../fixtures/sdk-examples');
const exampleMsMax = 60_000;

const example = `
rules:
  - when: { user: story }
    reply: [{ text: Once upon a time there was an ant that carried a leaf much larger than itself up a very long hill. }]
    chunk_delay_ms: 5
  - when: { user: Count, step: 0 }
    reply: [{ text: I will. }, { tool: bash, input: { command: 'seq 3' } }]
  - when: { user: Clean, step: 0 }
    reply: [{ tool: bash, input: { command: 'echo clean' } }, { tool: bash, input: { command: 'rm -rf .' } }]
  - when: { user: weather, step: 0 }
    reply: [{ tool: get_weather, input: { city: Bern } }]
  - when: { user: weather }
    reply: [{ text: 'They say: {{last_tool_result}}' }]
  - reply: [{ text: Hello to you. }]`;

/** What each program says. They are written as users write theirs and know nothing of this server. */
const expected: Readonly<Record<string, string>> = {
  'streaming.ts': `session.status_running
session.thread_status_running
user.message
span.model_request_start
agent: Hello to you.
span.model_request_end
session.thread_status_idle
session.usage
session.status_idle`,
  'event-deltas.ts': `deltas: several
a beginning of it was previewed: true
agent: Once upon a time there was an ant that carried a leaf much larger than itself up a very long hill.`,
  'tool-observation.ts': `bash {"command":"seq 3"}
bash answered "1\\n2\\n3"
end_turn
history: more than one page
idle, used tokens: true`,
  'tool-confirmations.ts': `echo clean: allowed
rm -rf .: denied
result, error: false
result, error: true
agent speaks`,
  'custom-tools.ts': `get_weather Bern
agent: They say: Sunny in Bern.
terminated`,
  'tool-runner.ts': `get_weather: ok, posted: true
agent: They say: Rainy in Bern.`,
};

describe('programs in the style of the SDK’s examples', () => {
  const home = serverHome({ example });
  let server: ServerProcess;
  before(async () => {
    server = await home.start();
  });
  after(() => home.remove());

  for (const [file, output] of Object.entries(expected)) {
    test(`${file} runs as it is`, async () => {
      const { code, stdout, stderr } = await run(file, server);
      assert.equal(code, 0, stderr);
      assert.equal(stderr, '');
      assert.equal(stdout.trimEnd(), output);
    });
  }

  test('all of them are run', () => {
    assert.deepEqual(readdirSync(directory).sort(), Object.keys(expected).sort());
    assert.deepEqual(server.errors(), []);
  });
});

type Finished = { readonly code: number | null; readonly stdout: string; readonly stderr: string };

/** A process of its own that is given the address and the key, as the SDK reads them, and nothing else. */
function run(file: string, { baseUrl, apiKey }: ServerProcess): Promise<Finished> {
  const child = spawn(process.execPath, [join(directory, file)], {
    env: { ANTHROPIC_BASE_URL: baseUrl, ANTHROPIC_API_KEY: apiKey },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: exampleMsMax,
  });
  const said = { stdout: '', stderr: '' };
  for (const output of ['stdout', 'stderr'] as const)
    child[output].on('data', (chunk: Buffer) => {
      said[output] += chunk.toString();
    });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, ...said }));
  });
}
