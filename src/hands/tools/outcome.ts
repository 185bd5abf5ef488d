import type { ToolOutcome } from '../../domain/hands.ts';

/** What a tool says. Never empty and always valid text: the model API refuses anything else. */
export function said(text: string, isError = false): ToolOutcome {
  const clean = text.replaceAll('\0', '\u{FFFD}').toWellFormed();
  return { content: [{ type: 'text', text: clean === '' ? '(no output)' : clean }], isError };
}

export function failed(text: string): ToolOutcome {
  return said(text, true);
}

export function decode(bytes: Uint8Array): string {
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
}
