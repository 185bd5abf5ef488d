import { readZip } from '../../base/zip.ts';
import { skillBundleBytesMax, skillFilesMax } from '../../domain/limits.ts';
import type { Client } from '../worker-sdk.ts';
import type { Copying } from './import-copying.ts';
import { oldestFirst, trying } from './import-copying.ts';

type Version = { readonly id: string; readonly name: string };

/** A skill has no metadata: its copy is the one of its name whose first version has the same files. */
export async function importSkills(copying: Copying): Promise<void> {
  const { source, target, report } = copying;
  const byName = new Map<string, string>();
  for await (const { id } of target.beta.skills.list()) {
    const [version] = await versionsOf(target, id);
    if (version) byName.set(version.name, id);
  }
  for (const skill of await oldestFirst(source.beta.skills.list())) {
    const { id } = skill;
    if (skill.source.type !== 'custom') continue;
    await trying(copying, { what: 'skill', id }, async () => {
      const versions = await versionsOf(source, id);
      const [first] = versions;
      if (!first) return;
      const known = byName.get(first.name);
      if (known !== undefined && !(await isCopy(copying, { id, versions, copyId: known }))) {
        const why = `another skill there has the name ${first.name}`;
        return report({ what: 'skill', result: 'left out', id, copy: known, why });
      }
      await importSkill(copying, { id, displayName: skill.display_name, versions, copyId: known ?? null });
    });
  }
}

async function versionsOf(client: Client, skillId: string): Promise<Version[]> {
  return await oldestFirst(client.beta.skills.versions.list(skillId));
}

type Pair = { readonly id: string; readonly versions: readonly Version[]; readonly copyId: string };

async function isCopy({ source, target }: Copying, { id, versions, copyId }: Pair): Promise<boolean> {
  const copies = await versionsOf(target, copyId);
  if (copies.length > versions.length) return false;
  const [first, copy] = [versions[0]?.id ?? '', copies[0]?.id ?? ''];
  const files = await Promise.all([
    filesOf(await download(source, id, first)),
    filesOf(await download(target, copyId, copy)),
  ]);
  return files[0] === files[1];
}

async function importSkill(
  { source, target, toFile, ids, report }: Copying,
  {
    id,
    displayName,
    versions,
    copyId,
  }: Omit<Pair, 'copyId'> & { readonly displayName: string; readonly copyId: string | null },
): Promise<void> {
  const there = copyId === null ? [] : await versionsOf(target, copyId);
  for (const [at, { id: copy }] of there.entries()) ids.set(versions[at]?.id ?? '', copy);
  let copy = copyId;
  for (const version of versions.slice(there.length)) {
    const archive = await download(source, id, version.id);
    const files = [await toFile(archive, `${version.name}.zip`, { type: 'application/zip' })];
    if (copy === null) {
      const made = await target.beta.skills.create({ files, display_name: displayName });
      copy = made.id;
      ids.set(version.id, made.latest_version_id);
    } else ids.set(version.id, (await target.beta.skills.versions.create(copy, { files })).id);
  }
  if (copy === null) return;
  ids.set(id, copy);
  const added = versions.length - there.length;
  const result = copyId === null ? 'made' : added === 0 ? 'there' : 'added to';
  report({ what: 'skill', result, id, copy, why: `${added} versions copied` });
}

async function download(client: Client, skillId: string, versionId: string): Promise<Uint8Array> {
  const response = await client.beta.skills.versions.download(versionId, { skill_id: skillId });
  return new Uint8Array(await response.arrayBuffer());
}

/** Archives of the same files may differ. */
async function filesOf(archive: Uint8Array): Promise<string> {
  const files = await readZip(archive, { entriesMax: 2 * skillFilesMax, bytesMax: skillBundleBytesMax });
  const texts = files.map(({ path, bytes }) => `${path} ${Buffer.from(bytes).toString('base64')}`);
  return texts.sort().join('\n');
}
