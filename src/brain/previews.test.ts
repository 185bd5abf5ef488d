import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { blockEvents, messageEnd, messageStart, textDeltas } from '../../test/support/model-stream.ts';
import { message, pureSession } from '../../test/support/pure-session.ts';
import type { WireBlock } from '../domain/model.ts';
import { recordReply } from '../domain/session/replies.ts';
import type { PreviewEvent } from '../protocol/events.ts';
import { createAssembly } from './models/reply-assembly.ts';
import { createPreviews } from './previews.ts';

type Streamed = { readonly block: WireBlock; readonly pieces: readonly string[] };

const words = (...pieces: string[]): Streamed => ({ block: { type: 'text', text: '' }, pieces });
const thinking: Streamed = { block: { type: 'thinking', thinking: 'Hm.', signature: 's' }, pieces: [] };
const redacted: Streamed = { block: { type: 'redacted_thinking', data: 'x' }, pieces: [] };
const unknown: Streamed = { block: { type: 'hologram' }, pieces: [] };
let uses = 0;
const use = (): Streamed => ({
  block: { type: 'tool_use', id: `toolu_${uses++}`, name: 'bash', input: {} },
  pieces: [],
});

/** A reply streamed through assembly and previews, then recorded: what was promised and what was kept. */
function play(blocks: readonly Streamed[]) {
  const session = pureSession();
  session.send(message('hi'));
  session.advance();
  let ids = 0;
  const previews = createPreviews((prefix) => `${prefix}_preview_${ids++}`);
  const assembly = createAssembly('claude-opus-5-5');
  const shown: PreviewEvent[] = [];
  const stream = [
    messageStart,
    ...blocks.flatMap(({ block, pieces }, index) => blockEvents(index, block, textDeltas(...pieces))),
    ...messageEnd('end_turn'),
  ];
  for (const event of stream) {
    for (const delta of assembly.take(event)) shown.push(...previews.take(delta));
  }
  const reply = assembly.finish();
  assert.ok(reply);
  const requestId = session.state().round.openRequest ?? '';
  session.decide((draft) =>
    recordReply(draft, { requestId, reply, previewed: previews.promised, costMicroCents: null }),
  );
  return { shown, stored: session.events() };
}

/** Every event that was shown growing is stored with its id and its words; holds for any reply. */
function checkKept({ shown, stored }: ReturnType<typeof play>): void {
  const grown = new Map<string, string[]>();
  for (const preview of shown) {
    if (preview.type === 'event_start') {
      assert.ok(!grown.has(preview.event.id), 'an event starts once');
      grown.set(preview.event.id, []);
      continue;
    }
    const { index = -1, content } = preview.delta;
    const texts = grown.get(preview.event_id);
    assert.ok(
      texts && index >= 0 && index <= texts.length,
      'deltas follow the start of their event, parts in order',
    );
    texts[index] = `${texts[index] ?? ''}${content.text}`;
  }
  const kept = stored.flatMap((event): [string, string[]][] => {
    if (event.type === 'agent.thinking') return [[event.id, []]];
    if (event.type !== 'agent.message') return [];
    return [[event.id, event.content.map((block) => (block.type === 'text' ? block.text : ''))]];
  });
  assert.deepEqual([...grown], kept);
}

describe('previews', () => {
  const cases: readonly (readonly [name: string, blocks: readonly Streamed[], types: readonly string[]])[] = [
    ['one text', [words('Hel', 'lo')], ['agent.message']],
    ['texts in a row are one message', [words('a'), words('b', 'c')], ['agent.message']],
    [
      'an empty text between others has no part',
      [words('a'), words(), words(''), words('b')],
      ['agent.message'],
    ],
    ['empty texts are nothing', [words(), use(), words('')], []],
    ['thinking, then words', [thinking, words('a')], ['agent.thinking', 'agent.message']],
    ['thinking behind an empty text', [words(), thinking, words('a')], ['agent.thinking', 'agent.message']],
    ['words on both sides of a tool', [words('a'), use(), words('b')], ['agent.message', 'agent.message']],
    [
      'words behind an empty text and a tool',
      [thinking, words(), use(), words('b')],
      ['agent.thinking', 'agent.message'],
    ],
    ['hidden thinking', [redacted, words('a')], ['agent.thinking', 'agent.message']],
    [
      'a block nobody knows splits messages',
      [words('a'), unknown, words('b')],
      ['agent.message', 'agent.message'],
    ],
  ];
  for (const [name, blocks, types] of cases) {
    test(`${name}: the ids and words that were shown are the ones stored`, () => {
      const played = play(blocks);
      checkKept(played);
      const started = played.shown.flatMap((preview) =>
        preview.type === 'event_start' ? [preview.event.type] : [],
      );
      assert.deepEqual(started, types);
    });
  }

  test('of any reply are kept', () => {
    const piece = fc.constantFrom('', 'a', 'bc ', '🐜');
    const block = fc.oneof(
      fc.array(piece, { maxLength: 3 }).map((pieces) => words(...pieces)),
      fc.constant(thinking),
      fc.constant(redacted),
      fc.constant(unknown),
      fc.constant(null).map(use),
    );
    fc.assert(fc.property(fc.array(block, { maxLength: 8 }), (blocks) => checkKept(play(blocks))));
  });

  test('of a reply that is cut show what came, in order', () => {
    const previews = createPreviews((prefix) => `${prefix}_1`);
    assert.deepEqual(previews.take({ type: 'block_start', index: 0, block: 'text' }), []);
    assert.deepEqual(previews.take({ type: 'text', index: 0, text: 'Hel' }), [
      { type: 'event_start', event: { type: 'agent.message', id: 'sevt_1' } },
      {
        type: 'event_delta',
        event_id: 'sevt_1',
        delta: { type: 'content_delta', index: 0, content: { type: 'text', text: 'Hel' } },
      },
    ]);
  });
});
