import type { Copying } from './import-copying.ts';
import { copiesIn, importedFrom, oldestFirst, trying } from './import-copying.ts';

export async function importEnvironments(copying: Copying): Promise<void> {
  const { source, target, ids, report } = copying;
  const copies = await copiesIn(target.beta.environments.list({ include_archived: true }));
  for (const environment of await oldestFirst(source.beta.environments.list())) {
    const { id, name, description, config, metadata } = environment;
    await trying(copying, { what: 'environment', id }, async () => {
      const known = copies.get(id);
      const copy =
        known ??
        (await target.beta.environments.create({
          name,
          description,
          config,
          metadata: { ...metadata, [importedFrom]: id },
        }));
      ids.set(id, copy.id);
      report({ what: 'environment', result: known ? 'there' : 'made', id, copy: copy.id });
    });
  }
}

export async function importMemoryStores(copying: Copying): Promise<void> {
  const { source, target, report } = copying;
  const copies = await copiesIn(target.beta.memoryStores.list({ include_archived: true }));
  for (const store of await oldestFirst(source.beta.memoryStores.list())) {
    const { id, name, description, metadata } = store;
    await trying(copying, { what: 'memory store', id }, async () => {
      const known = copies.get(id);
      if (known?.archived_at) {
        report({ what: 'memory store', result: 'left out', id, copy: known.id, why: 'its copy is archived' });
        return;
      }
      const copy =
        known ??
        (await target.beta.memoryStores.create({
          name,
          ...(description ? { description } : {}),
          metadata: { ...metadata, [importedFrom]: id },
        }));
      const made = await importMemories(copying, id, copy.id);
      const result = known ? (made === 0 ? 'there' : 'added to') : 'made';
      report({ what: 'memory store', result, id, copy: copy.id, why: `${made} memories copied` });
    });
  }
}

/** How many were made. A memory that is there with other content is left as it is. */
async function importMemories(copying: Copying, storeId: string, copyId: string): Promise<number> {
  const { source, target, report } = copying;
  const there = new Map<string, string>();
  for await (const item of target.beta.memoryStores.memories.list(copyId))
    if (item.type === 'memory') there.set(item.path, item.content_sha256);
  let made = 0;
  for await (const item of source.beta.memoryStores.memories.list(storeId, { view: 'full' })) {
    if (item.type !== 'memory') continue;
    const { id, path, content, content_sha256: hash } = item;
    const known = there.get(path);
    if (known === hash) continue;
    if (known !== undefined) {
      const why = `${path} is there with other content`;
      report({ what: 'memory', result: 'left out', id, why });
      continue;
    }
    await trying(copying, { what: 'memory', id }, async () => {
      await target.beta.memoryStores.memories.create(copyId, { path, content: content ?? '' });
      made += 1;
    });
  }
  return made;
}
