import { readFileSync } from 'node:fs';
import { parseYaml } from '../base/yaml.ts';
import type { Field, FieldKind } from '../protocol/fields.ts';
import type { Flag } from './arguments.ts';
import type { Command } from './commands.ts';
import { flagOf, itemFlagOf } from './commands.ts';
import { UsageMistake } from './io.ts';

/** What the flags of a command say, sorted into path, query and body. */
export type Given = {
  readonly ids: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly body: Readonly<Record<string, unknown>>;
};

export function readFlags(command: Command, words: readonly string[], flags: readonly Flag[]): Given {
  const ids: Record<string, string> = {};
  const query = new URLSearchParams();
  const body: Record<string, unknown> = {};
  for (const { name, value } of flags) {
    const id = command.ids.find((candidate) => flagOf(candidate) === name);
    if (id) ids[id] = value ?? '';
    else if (!setQuery(query, command.query, name, value) && !setBody(body, command.body, name, value)) {
      throw new UsageMistake(
        `unknown flag --${name}; see anthill ${command.resource} ${command.action} --help`,
      );
    }
  }
  const missing = command.ids.filter((id) => ids[id] === undefined);
  if (words.length > missing.length) throw new UsageMistake(`unexpected argument "${words[missing.length]}"`);
  words.forEach((word, index) => {
    ids[missing[index] ?? ''] = word;
  });
  return { ids, query, body };
}

function setQuery(
  query: URLSearchParams,
  fields: readonly Field[],
  name: string,
  value: string | null,
): boolean {
  for (const field of fields) {
    if (itemFlagOf(field) !== name && flagOf(field.name) !== name) continue;
    if (field.kind !== 'list') query.set(field.name, value ?? 'true');
    else for (const item of listItems(value ?? '')) query.append(`${field.name}[]`, item);
    return true;
  }
  return false;
}

/** A list in a query: one item, or several as YAML. */
function listItems(value: string): readonly string[] {
  const parsed = value.trim().startsWith('[') ? yaml(value, 'list') : value;
  return Array.isArray(parsed) ? parsed.map(String) : [String(parsed)];
}

function setBody(
  body: Record<string, unknown>,
  fields: readonly Field[],
  name: string,
  value: string | null,
): boolean {
  const text = value ?? 'true';
  for (const field of fields) {
    if (flagOf(field.name) === name) {
      body[field.name] = parsedValue(field.kind, text, name);
      return true;
    }
    if (itemFlagOf(field) === name) {
      const items = Array.isArray(body[field.name]) ? body[field.name] : [];
      body[field.name] = [...(items as unknown[]), parsedValue(field.items ?? 'string', text, name)];
      return true;
    }
    if (name.startsWith(`${flagOf(field.name)}.`)) {
      setMember(body, field, name, text);
      return true;
    }
  }
  return false;
}

/** `--config.networking.type limited` sets a member of a member. */
function setMember(body: Record<string, unknown>, field: Field, name: string, text: string): void {
  const path = name.slice(flagOf(field.name).length + 1).split('.');
  let target = child(body, field.name);
  let { members } = field;
  for (const [index, part] of path.entries()) {
    const member = members.find((candidate) => flagOf(candidate.name) === part);
    const key = member?.name ?? part.replaceAll('-', '_');
    if (index === path.length - 1) target[key] = parsedValue(member?.kind ?? 'mixed', text, name);
    else target = child(target, key);
    members = member?.members ?? [];
  }
}

function child(parent: Record<string, unknown>, key: string): Record<string, unknown> {
  const known = parent[key];
  const next = typeof known === 'object' && known !== null ? { ...known } : {};
  parent[key] = next;
  return next as Record<string, unknown>;
}

/** The value a flag's text stands for. `@path` reads a file. */
function parsedValue(kind: FieldKind, given: string, name: string): unknown {
  const text = given.startsWith('@') ? fileText(given.slice(1), name) : given;
  switch (kind) {
    case 'string':
      return text;
    case 'mixed':
      return /^\s*[{[]/.test(text) ? yaml(text, name) : text;
    case 'number': {
      const number = Number(text);
      if (text.trim() === '' || Number.isNaN(number))
        throw new UsageMistake(`--${name}: "${text}" is not a number`);
      return number;
    }
    case 'boolean':
      if (text !== 'true' && text !== 'false') throw new UsageMistake(`--${name}: must be true or false`);
      return text === 'true';
    default:
      return yaml(text, name);
  }
}

function fileText(path: string, name: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    throw new UsageMistake(`--${name}: cannot read ${path}`);
  }
}

/** Relaxed YAML, which JSON is a part of. */
export function yaml(text: string, name: string): unknown {
  try {
    return parseYaml(text);
  } catch (cause) {
    throw new UsageMistake(`--${name}: ${cause instanceof Error ? cause.message : String(cause)}`);
  }
}
