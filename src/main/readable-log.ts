import { styleText } from 'node:util';

const colours = { 20: 'gray', 30: 'green', 40: 'yellow', 50: 'red' } as const;

/** A JSON log line for a person at a terminal: time, event, fields. */
export function readableLine(line: string): string {
  const { level, time, event, ...fields }: Record<string, unknown> = JSON.parse(line);
  const colour = colours[Number(level) as keyof typeof colours] ?? 'white';
  const shown = Object.entries(fields).map(([name, value]) => `${name}=${short(value)}`);
  return `${styleText('gray', String(time).slice(11, 19))} ${styleText(colour, String(event))} ${shown.join(' ')}\n`;
}

function short(value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'object' && value !== null && 'stack' in value) return `\n${String(value.stack)}`;
  return JSON.stringify(value);
}
