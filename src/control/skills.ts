import type { Clock } from '../base/clock.ts';
import type { NewId } from '../base/ids.ts';
import type { Blobs } from '../domain/blobs.ts';
import type { Collections } from '../domain/collections.ts';
import type { KeptSkill, KeptSkillVersion } from '../domain/skills.ts';
import { absentSkill, absentSkillVersion, addVersion, createSkill, removeVersion } from '../domain/skills.ts';
import type { Download } from '../protocol/form.ts';
import { invalid } from '../protocol/refusal.ts';
import type { Page, WindowQuery } from './page.ts';
import { pageOf } from './page.ts';
import type { UploadedFile, UploadReader } from './skill-upload.ts';

export type SkillDeps = {
  readonly collections: Pick<Collections, 'skills' | 'skillVersions'>;
  readonly blobs: Blobs;
  readonly readUpload: UploadReader;
  readonly clock: Clock;
  readonly newId: NewId;
};

export type SkillCommands = {
  create(files: readonly UploadedFile[], displayName: string | null): Promise<KeptSkill>;
  retrieve(id: string): Promise<KeptSkill>;
  list(query: SkillQuery): Promise<Page<KeptSkill>>;
  /** With all its versions. */
  delete(id: string): Promise<void>;
};

type SkillQuery = WindowQuery & { source?: 'custom' | 'anthropic' | undefined };

export function createSkillCommands(deps: SkillDeps): SkillCommands {
  const { collections, blobs, readUpload, clock, newId } = deps;
  const { skills } = collections;
  return {
    async create(files, displayName) {
      const nowUs = clock.nowUs();
      const { bundle, staged } = await readUpload(files, { flatIn: null, nowUs });
      const birth = { id: newId('skill'), versionId: newId('skver'), nowUs };
      try {
        const made = createSkill({ ...bundle, archive: staged }, displayName, birth);
        await skills.insert(made, staged);
        return made.skill;
      } finally {
        await blobs.discard(staged);
      }
    },
    async retrieve(id) {
      const skill = await skills.get(id);
      if (!skill) throw absentSkill(id);
      return skill;
    },
    list: (query) =>
      // There are no pre-built skills on this server.
      pageOf(query, { limit: 20, order: 'desc' }, async (page) =>
        query.source === 'anthropic' ? [] : await skills.page(page),
      ),
    async delete(id) {
      if (!(await skills.remove(id))) throw absentSkill(id);
    },
  };
}

export type SkillVersionCommands = {
  create(skillId: string, files: readonly UploadedFile[], terms: VersionTerms): Promise<KeptSkillVersion>;
  retrieve(skillId: string, version: string): Promise<KeptSkillVersion>;
  list(skillId: string, query: WindowQuery): Promise<Page<KeptSkillVersion>>;
  delete(skillId: string, version: string): Promise<KeptSkillVersion>;
  /** A zip archive of its files in a directory of the skill's name. */
  download(skillId: string, version: string): Promise<Download>;
};

export type VersionTerms = {
  /** The client may have lost the names of directories on the way. */
  readonly mayBeFlat: boolean;
};

export function createSkillVersionCommands(deps: SkillDeps): SkillVersionCommands {
  const { collections, blobs, readUpload, clock, newId } = deps;
  const { skills, skillVersions } = collections;

  async function skillOf(id: string): Promise<KeptSkill> {
    const skill = await skills.get(id);
    if (!skill) throw absentSkill(id);
    return skill;
  }

  async function retrieve(skillId: string, version: string): Promise<KeptSkillVersion> {
    const found = await skillVersions.get(skillId, version);
    if (found) return found;
    await skillOf(skillId);
    throw absentSkillVersion(version);
  }

  return {
    async create(skillId, files, { mayBeFlat }) {
      const { name } = await skillOf(skillId);
      const nowUs = clock.nowUs();
      const { bundle, staged } = await readUpload(files, { flatIn: mayBeFlat ? name : null, nowUs });
      const birth = { versionId: newId('skver'), nowUs };
      try {
        const made = await skillVersions.insert(skillId, staged, (skill) =>
          addVersion(skill, { ...bundle, archive: staged }, birth),
        );
        if (!made) throw absentSkill(skillId);
        return made.version;
      } finally {
        await blobs.discard(staged);
      }
    },
    retrieve,
    async list(skillId, query) {
      await skillOf(skillId);
      return await pageOf(query, { limit: 20, order: 'desc' }, (page) => skillVersions.page(skillId, page));
    },
    async delete(skillId, version) {
      const nowUs = clock.nowUs();
      const { id } = await retrieve(skillId, version);
      // What is the latest may be another one by now: that a client must not delete unseen.
      if (version === 'latest') throw invalid(`name the version to delete: the latest one is ${id}`);
      const removed = await skillVersions.remove(skillId, id, (skill, newestLeft) =>
        removeVersion(skill, newestLeft, nowUs),
      );
      if (!removed) throw absentSkillVersion(version);
      return removed;
    },
    async download(skillId, version) {
      const { name, archive } = await retrieve(skillId, version);
      const content = blobs.read(archive.sha256);
      return { mimeType: 'application/zip', filename: `${name}.zip`, bytes: archive.bytes, content };
    },
  };
}
