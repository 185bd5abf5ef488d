import { basename } from 'node:path';
import type { Field } from '../protocol/fields.ts';
import type { Form } from '../protocol/form.ts';
import { directoryFiles, fileAt } from './directory-files.ts';

/** The form that a command sends. Files are read from disk while they are sent; one alone is named by its last component. */
export async function formOf(
  form: Form,
  fields: readonly Field[],
  values: Readonly<Record<string, unknown>>,
): Promise<FormData> {
  const data = new FormData();
  for (const { name, kind, items } of fields) {
    const value = values[name];
    if (value === undefined) continue;
    const list = Array.isArray(value) ? value.map(String) : [String(value)];
    if (kind === 'file') data.append(name, await fileAt(String(value), basename(String(value))));
    else if (kind !== 'list') data.append(name, String(value));
    else if (items !== 'file') for (const item of list) data.append(`${name}[]`, item);
    else for (const file of await directoryFiles(list, form)) data.append(`${name}[]`, file);
  }
  return data;
}
