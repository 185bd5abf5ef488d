import type Anthropic from '@anthropic-ai/sdk';
import { toFile } from '@anthropic-ai/sdk';
import type { Skill } from '@anthropic-ai/sdk/resources/skills/skills';
import { readZip } from '../../src/base/zip.ts';
import type { Sent } from './server-http.ts';

/** What a SKILL.md begins with. */
export const skillMd = (name: string, description = 'Follows trails') =>
  `---\nname: ${name}\ndescription: ${description}\n---\n# ${name}\n`;

/** The files of a skill in a directory of its name. */
export function skillFiles(name: string, more: Readonly<Record<string, string>> = {}) {
  const contents = Object.entries({ 'SKILL.md': skillMd(name), ...more });
  return Promise.all(contents.map(([path, text]) => toFile(Buffer.from(text), `${name}/${path}`)));
}

let count = 0;
/** No two skills of a workspace have the same. */
export const newSkillName = () => `skill-${++count}`;

export async function newSkill(client: Anthropic, name = newSkillName()): Promise<Skill> {
  return await client.skills.create({ files: await skillFiles(name) });
}

/** A skill with two versions; the older one first. */
export async function twoVersions(client: Anthropic) {
  const name = newSkillName();
  const { id, latest_version_id: first } = await newSkill(client, name);
  const second = await client.skills.versions.create(id, { files: await skillFiles(name) });
  return {
    id,
    name,
    versionIds: [first, second.id] as const,
    /** Of one more version. */
    uploads: { files: await skillFiles(name) },
  };
}

/** A part of a form: text, or a file of this name. */
export type Part = readonly [name: string, content: string | Uint8Array, filename?: string];

/** A form as bytes, for what the SDK would never send. */
export async function formOf(path: string, parts: readonly Part[]): Promise<Sent> {
  const form = new FormData();
  for (const [name, content, filename] of parts) {
    if (filename === undefined) form.append(name, String(content));
    else form.append(name, new File([new Uint8Array(Buffer.from(content))], filename));
  }
  const encoded = new Response(form);
  return {
    path,
    body: new Uint8Array(await encoded.arrayBuffer()),
    headers: { 'content-type': encoded.headers.get('content-type') },
  };
}

/** Paths and contents of a downloaded archive. */
export async function unzipped(response: Response): Promise<Record<string, string>> {
  const zip = new Uint8Array(await response.arrayBuffer());
  const files = await readZip(zip, { entriesMax: 1_000, bytesMax: 32 * 1024 * 1024 });
  return Object.fromEntries(
    files.map(({ path, bytes, isExecutable }) => [
      isExecutable ? `${path}*` : path,
      Buffer.from(bytes).toString(),
    ]),
  );
}
