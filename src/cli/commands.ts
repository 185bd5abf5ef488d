import type { Field } from '../protocol/fields.ts';
import { fieldsOf } from '../protocol/fields.ts';
import type { Route } from '../protocol/route.ts';
import { routes } from '../protocol/routes.ts';
import type { Flag } from './arguments.ts';

/** One command, derived from one route: nothing about an endpoint is written twice. */
export type Command = {
  /** `beta:sessions:events`; names of several words in kebab-case: `beta:memory-stores`. */
  readonly resource: string;
  /** `retrieve`, `retrieve-metadata`. */
  readonly action: string;
  readonly route: Route;
  /** Ids of the path, in the order in which they may also be given without a flag. */
  readonly ids: readonly string[];
  readonly body: readonly Field[];
  readonly query: readonly Field[];
  /** Of a command with words of its own, see `short-commands.ts`. */
  readonly short?: Short;
};

export type Short = {
  readonly summary: string;
  /** Fields that are given without a flag, behind the ids. */
  readonly words: readonly string[];
  /** Flags of its own, and the flags of the route that they stand for; `null` of a switch. */
  readonly flags: Readonly<
    Record<string, { kind: 'switch' | 'value'; means: (value: string | null) => Flag[] }>
  >;
  /** Flags that are always given. */
  readonly always: readonly Flag[];
  /** What a person sees of an answer, see `table.ts`. */
  readonly columns: readonly string[];
  /** The rows of one item; without it the item is the row. */
  readonly rows?: (item: Readonly<Record<string, unknown>>) => readonly unknown[];
};

/** Every route as a command. */
export function allCommands(): readonly Command[] {
  const entries: Route[] = Object.values(routes);
  return entries.map(commandOf);
}

export function commandOf(route: Route): Command {
  return {
    resource: route.resource.map(kebab).join(':'),
    action: kebab(route.action),
    route,
    ids: [...route.path.matchAll(/:(\w+)/g)].map(([, name = '']) => name),
    body: bodyFields(route),
    query: route.query === null ? [] : fieldsOf(route.query),
  };
}

function bodyFields({ form, body }: Route): readonly Field[] {
  const schema = form ? form.fields : body;
  return schema === null ? [] : fieldsOf(schema);
}

function kebab(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** How a field is written on the command line: `created_at[gte]` is `--created-at-gte`. */
export function flagOf(name: string): string {
  return name.replaceAll('_', '-').replace(/\[(\w+)\]$/, '-$1');
}

/** The flag of one item of a list: `--tool` adds to `tools`. */
export function itemFlagOf(field: Field): string | null {
  if (field.kind !== 'list') return null;
  const flag = flagOf(field.name);
  if (flag === 'statuses') return 'status';
  return flag.endsWith('s') ? flag.slice(0, -1) : null;
}
