import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { MessagesRequest } from '../../src/brain/models/scripted/messages-request.ts';
import { lastUserText, stepOf } from '../../src/brain/models/scripted/messages-request.ts';
import type { ModelServer } from '../support/model-server.ts';
import { startModelServer } from '../support/model-server.ts';
import type { ServerProcess } from '../support/server.ts';
import { serverHome } from '../support/server.ts';
import { listAll, openSession, say, toolset, weather } from '../support/server-sessions.ts';

const inputs = { bash: { command: 'echo here' }, weather: { city: 'Bergen' } };
/** Before it: `message_start`, `ping` and the start of the only block. */
const fourthEvent = 3;

describe('a sandbox that went with its server', () => {
  const home = serverHome();
  let model: ModelServer;
  let server: ServerProcess;
  const ids = { bash: '', weather: '' };
  let whileWriting = async () => {};
  before(async () => {
    model = await startModelServer({
      async answer(request) {
        if (stepOf(request.messages) > 0) return [{ type: 'text', text: 'Done.' }];
        const name = toolOf(request);
        return [{ type: 'tool_use', name, input: inputs[name] }];
      },
      async pace({ messages }, event) {
        if (event === fourthEvent && stepOf(messages) === 0) await whileWriting();
      },
    });
    server = await home.start(model.settings);
    for (const name of ['bash', 'weather'] as const) {
      const params = { model: 'claude-opus-5-5', tools: [toolset, weather] };
      ids[name] = (await openSession(server.client, params)).id;
    }
    await server.kill();
    server = await home.start(model.settings);
  });
  after(async () => {
    await home.remove();
    await model.close();
  });

  async function sandboxesMade(): Promise<number> {
    const headers = { authorization: `Bearer ${server.apiKey}` };
    const metrics = await (await fetch(`${server.baseUrl}/metrics`, { headers })).text();
    return Number(
      /^anthill_sandbox_start_duration_count\{result="started"\} (\d+)$/m.exec(metrics)?.[1] ?? 0,
    );
  }

  test('is not made for a tool of the client', async () => {
    await say(server.client, ids.weather, 'weather');
    assert.equal(await sandboxesMade(), 0);
  });

  test('is made again while the model still writes what is to run there', async () => {
    whileWriting = async () => {
      while ((await sandboxesMade()) === 0) await sleep(20);
    };
    await say(server.client, ids.bash, 'bash');
    const events = await listAll(server.client, ids.bash);
    const result = events.find((event) => event.type === 'agent.tool_result');
    assert.deepEqual(result?.content, [{ type: 'text', text: 'here' }]);
    assert.equal(await sandboxesMade(), 1);
  });

  test('nothing of this was logged as an error', () => {
    assert.deepEqual(server.errors(), []);
  });
});

function toolOf({ messages }: MessagesRequest): keyof typeof inputs {
  return lastUserText(messages) === 'bash' ? 'bash' : 'weather';
}
