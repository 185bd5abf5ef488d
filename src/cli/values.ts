import { readFileSync } from 'node:fs';
import { parseYaml } from '../base/yaml.ts';
import type { Field, FieldKind } from '../protocol/fields.ts';
import type { Flag } from './arguments.ts';
import type { Command } from './commands.ts';
import { flagOf, itemFlagOf } from './commands.ts';
import { embedFiles } from './file-references.ts';
import { UsageMistake } from './io.ts';

/** What the flags of a command say, sorted into path, query and body. */
export type Given = {
  readonly ids: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly body: Readonly<Record<string, unknown>>;
};

/** `words` are ids without their flags, in the order of the path. */
export function readFlags(command: Command, words: readonly string[], flags: readonly Flag[]): Given {
  const ids: Record<string, string> = {};
  const query = new URLSearchParams();
  const body: Record<string, unknown> = {};
  for (const { name, value } of flags) {
    const id = command.ids.find((candidate) => flagOf(candidate) === name);
    if (id) ids[id] = value ?? '';
    else if (!setQuery(query, command.query, name, value)) setBody(body, command.body, name, value ?? 'true');
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

type Body = Record<string, unknown>;

function setBody(body: Body, fields: readonly Field[], name: string, text: string): void {
  const [base = '', ...path] = name.split('.');
  for (const field of fields) {
    const isItem = itemFlagOf(field) === base;
    if (!isItem && flagOf(field.name) !== base) continue;
    if (path.length > 0)
      setMember(isItem ? openItem(body, field, path) : child(body, field.name), field, { path, name, text });
    else if (isItem)
      body[field.name] = [...listIn(body, field), parsedValue(field.items ?? 'string', text, name)];
    else body[field.name] = field.nullable && text === 'null' ? null : parsedValue(field.kind, text, name);
    return;
  }
}

function listIn(body: Body, field: Field): readonly unknown[] {
  const known = body[field.name];
  return Array.isArray(known) ? known : [];
}

/** `--mcp-server.name a --mcp-server.url b` fills one item; a member that is there already begins the next. */
function openItem(body: Body, field: Field, [member = '']: readonly string[]): Body {
  const list = [...listIn(body, field)];
  const last = list.at(-1);
  const isOpen = typeof last === 'object' && last !== null && !(member.replaceAll('-', '_') in last);
  const item: Body = isOpen ? { ...last } : {};
  body[field.name] = isOpen ? list.with(-1, item) : [...list, item];
  return item;
}

type Member = { readonly path: readonly string[]; readonly name: string; readonly text: string };

/** `--config.networking.type limited` sets a member of a member. */
function setMember(body: Body, field: Field, { path, name, text }: Member): void {
  let target = body;
  let { members } = field;
  for (const [index, part] of path.entries()) {
    const member = members.find((candidate) => flagOf(candidate.name) === part);
    const key = member?.name ?? part.replaceAll('-', '_');
    if (index === path.length - 1) target[key] = parsedValue(member?.kind ?? 'mixed', text, name);
    else target = child(target, key);
    members = member?.members ?? [];
  }
}

function child(parent: Body, key: string): Body {
  const known = parent[key];
  const next = typeof known === 'object' && known !== null ? { ...known } : {};
  parent[key] = next;
  return next as Body;
}

/** The value a flag's text stands for. `@path` reads a file, also inside of YAML. */
function parsedValue(kind: FieldKind, text: string, name: string): unknown {
  switch (kind) {
    case 'file':
      // Its path: it is read while it is sent.
      return text;
    case 'string':
      return embedFiles(text, `--${name}`);
    case 'mixed':
      return /^\s*[{[]/.test(text) ? structure(text, name) : embedFiles(text, `--${name}`);
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
      return structure(text.startsWith('@') ? fileText(text.slice(1), name) : text, name);
  }
}

function structure(text: string, name: string): unknown {
  return embedFiles(yaml(text, `--${name}`), `--${name}`);
}

function fileText(path: string, name: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    throw new UsageMistake(`--${name}: cannot read the file "${path}"`);
  }
}

/** Relaxed YAML, which JSON is a part of. */
export function yaml(text: string, name: string): unknown {
  try {
    return parseYaml(text);
  } catch (cause) {
    throw new UsageMistake(`${name}: ${cause instanceof Error ? cause.message : String(cause)}`);
  }
}
