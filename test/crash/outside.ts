import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { MessagesRequest } from '../../src/brain/models/scripted/messages-request.ts';
import { lastUserText, stepOf } from '../../src/brain/models/scripted/messages-request.ts';
import type { Part } from '../../src/brain/models/scripted/reply.ts';
import { startModelServer } from '../support/model-server.ts';

/**
 * What is outside of the servers and outlives them: the model, and a place where tools leave their effects.
 * What happens there is told under a name of its own, for the message that led to it: `asked 0 NAME` and `asked 1 NAME`
 * for the requests of a turn, `sent 3 NAME` for the events of a reply, `replied 0 NAME`, `effect NAME`.
 */
export type Outside = {
  readonly settings: Readonly<Record<string, string>>;
  /** Of anthill.yaml. */
  readonly yaml: string;
  /** How often each effect happened. */
  readonly effects: ReadonlyMap<string, number>;
  /** The end of a command, so that it can be found among processes. */
  readonly marker: string;
  /** Resolves when it happens; the outside stands still there until the given function is called. */
  hold(happening: string): Promise<() => void>;
  close(): Promise<void>;
};

export async function openOutside(): Promise<Outside> {
  const effects = new Map<string, number>();
  const holds = new Map<string, (goOn: () => void) => void>();
  const marker = `86400.${process.pid}`;

  async function happens(happening: string): Promise<void> {
    const held = holds.get(happening);
    holds.delete(happening);
    if (held) await new Promise<void>(held);
  }

  const place = createServer(async (request, response) => {
    const [, name = '', id = ''] = request.url?.split('/') ?? [];
    effects.set(id, (effects.get(id) ?? 0) + 1);
    await happens(`effect ${name}`);
    response.end('done');
  });
  await new Promise<void>((resolve) => place.listen(0, '127.0.0.1', resolve));
  const { port } = place.address() as AddressInfo;

  /** A command with an effect that happens once, or twice if somebody runs it twice. */
  const effect = (name: string) => `curl -sS -m 60 http://effects.test:${port}/${name}/${randomUUID()}`;
  const bash = (command: string): Part => ({ type: 'tool_use', name: 'bash', input: { command } });

  function partsOf(request: MessagesRequest): readonly Part[] {
    const { shape, name } = saidIn(request);
    if (stepOf(request.messages) > 0 || shape === 'text')
      return [{ type: 'text', text: `This is the end of what there is to say about ${name}, word by word.` }];
    if (shape === 'custom') return [{ type: 'tool_use', name: 'weather', input: { city: name } }];
    if (shape === 'long') return [bash(`${effect(name)} && sleep ${marker}`)];
    return [{ type: 'text', text: 'Two commands.' }, bash(effect(name)), bash(effect(name))];
  }

  const model = await startModelServer({
    async answer(request) {
      await happens(`asked ${stepOf(request.messages)} ${saidIn(request).name}`);
      return partsOf(request);
    },
    async pace(request, event, isLast) {
      const { name } = saidIn(request);
      await happens(isLast ? `replied ${stepOf(request.messages)} ${name}` : `sent ${event} ${name}`);
    },
  });

  return {
    settings: model.settings,
    yaml: 'sandbox_network: { hosts: { effects.test: 127.0.0.1, github.com: 127.0.0.1 } }\n',
    effects,
    marker,
    hold: (happening) => new Promise((resolve) => holds.set(happening, resolve)),
    async close() {
      place.closeAllConnections();
      place.close();
      await model.close();
    },
  };
}

/** Messages are `SHAPE NAME`; of several that were queued the last one counts. */
function saidIn(request: MessagesRequest): { readonly shape: string; readonly name: string } {
  const [shape = '', name = ''] = lastUserText(request.messages).split('\n').at(-1)?.split(' ') ?? [];
  return { shape, name };
}
