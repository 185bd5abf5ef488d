import type { PreviewEvent } from '../protocol/events.ts';

/** Runs of previews of one reply: joined while they are kept, cut while they travel. */

type Delta = PreviewEvent & { type: 'event_delta' };

/** Adds a preview at the end; the text of one part stays one delta. */
export function addJoined(previews: PreviewEvent[], preview: PreviewEvent): void {
  const last = previews.at(-1);
  if (preview.type === 'event_delta' && last?.type === 'event_delta' && isSamePart(last, preview))
    previews[previews.length - 1] = withText(last, textOf(last) + textOf(preview));
  else previews.push(preview);
}

/** How much has been previewed: a start counts one, a delta its characters, joined or cut alike. */
export function previewsLength(previews: readonly PreviewEvent[]): number {
  return previews.reduce((sum, preview) => sum + lengthOf(preview), 0);
}

/** What a preview weighs besides its text, in characters. */
const previewWeight = 40;

/** The same previews in pieces that weigh about as much as so many characters; no character is cut in two. */
export function* cutPreviews(
  previews: readonly PreviewEvent[],
  charactersMax: number,
): Generator<readonly PreviewEvent[]> {
  let piece: PreviewEvent[] = [];
  for (const one of previews.flatMap((preview) => cutOne(preview, charactersMax))) {
    const weight = previewsLength([...piece, one]) + previewWeight * piece.length;
    if (piece.length > 0 && weight > charactersMax) {
      yield piece;
      piece = [];
    }
    piece.push(one);
  }
  if (piece.length > 0) yield piece;
}

function cutOne(preview: PreviewEvent, charactersMax: number): PreviewEvent[] {
  if (preview.type === 'event_start' || textOf(preview).length <= charactersMax) return [preview];
  const text = textOf(preview);
  const parts: PreviewEvent[] = [];
  for (let at = 0; at < text.length; ) {
    const end = at + charactersMax;
    const cut = isInside(text, end) ? end - 1 : end;
    parts.push(withText(preview, text.slice(at, cut)));
    at = cut;
  }
  return parts;
}

/** Between the halves of a character that takes two. */
function isInside(text: string, at: number): boolean {
  return /^[\ud800-\udbff][\udc00-\udfff]/.test(text.slice(at - 1, at + 1));
}

function lengthOf(preview: PreviewEvent): number {
  return preview.type === 'event_start' ? 1 : textOf(preview).length;
}

function isSamePart(before: Delta, next: Delta): boolean {
  return before.event_id === next.event_id && before.delta.index === next.delta.index;
}

function textOf({ delta }: Delta): string {
  return delta.content.text;
}

function withText(preview: Delta, text: string): Delta {
  return { ...preview, delta: { ...preview.delta, content: { type: 'text', text } } };
}
