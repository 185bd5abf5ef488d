import { UsageMistake } from './io.ts';

/**
 * The part of GJSON paths that shells use: `agent.id`, `content.0.text`, `content.#.text`, `data.#`,
 * `content.#(type=="text").text` (`)#` for all of them), `{id,why:stop_reason.type}`, `[id,name]`.
 */
export type Query = (value: unknown) => unknown;

/** What is not there is `undefined`. */
export function compileTransform(text: string): Query {
  const parts = split(text, '|').map((part) => chain(split(part, '.')));
  return (value) => parts.reduce((found, part) => part(found), value);
}

function chain([step, ...rest]: readonly string[]): Query {
  if (step === undefined) return (value) => value;
  const after = chain(rest);
  if (step === '#') {
    if (rest.length === 0) return (value) => (Array.isArray(value) ? value.length : undefined);
    return (value) => (Array.isArray(value) ? present(value.map(after)) : undefined);
  }
  const filter = /^#\((.*)\)(#?)$/s.exec(step);
  if (filter) {
    const matches = condition(filter[1] ?? '');
    if (filter[2] === '') return (value) => after(items(value).find(matches));
    if (rest.length === 0) return (value) => items(value).filter(matches);
    return (value) => present(items(value).filter(matches).map(after));
  }
  if (/^\{.*\}$/s.test(step)) return then(object(step.slice(1, -1)), after);
  if (/^\[.*\]$/s.test(step)) return then(array(step.slice(1, -1)), after);
  if (step === '' || /^[@!#{[]|(?<!\\)[*?]/.test(step)) throw mistake(step);
  const key = step.replace(/\\(.)/g, '$1');
  return (value) =>
    typeof value === 'object' && value !== null && Object.hasOwn(value, key)
      ? after(Reflect.get(value, key))
      : undefined;
}

function then(first: Query, second: Query): Query {
  return (value) => (value === undefined ? undefined : second(first(value)));
}

function object(text: string): Query {
  const members = split(text, ',').map((part) => {
    const [name = '', ...path] = split(part.trim(), ':');
    if (path.length > 0) return { name: unquoted(name), query: compileTransform(path.join(':').trim()) };
    // Without a name of its own a member is called like the end of its path.
    return { name: split(split(name, '|').at(-1) ?? '', '.').at(-1) ?? '', query: compileTransform(name) };
  });
  return (value) =>
    Object.fromEntries(
      members
        .map(({ name, query }) => [name, query(value)] as const)
        .filter(([, found]) => found !== undefined),
    );
}

function array(text: string): Query {
  const parts = split(text, ',').map((part) => compileTransform(part.trim()));
  return (value) => present(parts.map((part) => part(value)));
}

/** `type=="text"`, `limit>3`, or a path that must be there. */
function condition(text: string): (item: unknown) => boolean {
  const [, path = '', operator = '', literal = ''] = /^(.*?)(?:(==|!=|<=|>=|<|>)(.*))?$/s.exec(text) ?? [];
  const query = path.trim() === '' ? (item: unknown) => item : compileTransform(path.trim());
  if (operator === '') return (item) => query(item) !== undefined;
  const wanted = scalar(literal.trim());
  return (item) => compares(query(item), operator, wanted);
}

function compares(found: unknown, operator: string, wanted: unknown): boolean {
  if (operator === '==') return found === wanted;
  if (found === undefined) return false;
  if (operator === '!=') return found !== wanted;
  if (typeof found !== 'number' || typeof wanted !== 'number') return false;
  if (operator === '<') return found < wanted;
  if (operator === '>') return found > wanted;
  return operator === '<=' ? found <= wanted : found >= wanted;
}

function scalar(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw mistake(text);
  }
}

function unquoted(name: string): string {
  return name.trim().replace(/^"(.*)"$/s, '$1');
}

function items(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function present(values: readonly unknown[]): readonly unknown[] {
  return values.filter((value) => value !== undefined);
}

/** Splits outside of brackets, quotes and escapes. */
function split(text: string, separator: string): readonly string[] {
  const parts: string[] = [];
  let depth = 0;
  let quoted = false;
  let from = 0;
  for (let at = 0; at < text.length; at++) {
    const char = text[at] ?? '';
    if (char === '\\') at++;
    else if (char === '"') quoted = !quoted;
    else if (quoted) continue;
    else if ('([{'.includes(char)) depth++;
    else if (')]}'.includes(char)) depth--;
    else if (char === separator && depth === 0) {
      parts.push(text.slice(from, at));
      from = at + 1;
    }
  }
  if (depth !== 0 || quoted) throw mistake(text);
  return [...parts, text.slice(from)];
}

function mistake(text: string): UsageMistake {
  return new UsageMistake(
    `--transform: cannot read "${text}"; paths look like id, content.0.text, {id,why:stop_reason.type}`,
  );
}
