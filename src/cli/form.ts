import { openAsBlob } from 'node:fs';
import { basename, normalize } from 'node:path';
import type { Field } from '../protocol/fields.ts';
import { typeByName } from '../protocol/media-types.ts';
import { UsageMistake } from './io.ts';

/**
 * The form that a command sends. Files are read from disk while they are sent. One alone is named by its last
 * component; of several each keeps the path it was given by, which may mean something.
 */
export async function formOf(
  fields: readonly Field[],
  values: Readonly<Record<string, unknown>>,
): Promise<FormData> {
  const form = new FormData();
  for (const { name, kind, items } of fields) {
    const value = values[name];
    if (value === undefined) continue;
    if (kind === 'file') form.append(name, await fileAt(String(value), basename));
    else if (kind !== 'list') form.append(name, String(value));
    else {
      for (const item of Array.isArray(value) ? value : [value])
        form.append(`${name}[]`, items === 'file' ? await fileAt(String(item), normalize) : String(item));
    }
  }
  return form;
}

async function fileAt(path: string, nameOf: (path: string) => string): Promise<File> {
  const content = await openAsBlob(path).catch(() => {
    throw new UsageMistake(`cannot read the file "${path}"`);
  });
  return new File([content], nameOf(path), { type: typeByName(path) ?? '' });
}
