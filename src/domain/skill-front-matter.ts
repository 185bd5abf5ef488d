import { parseYaml } from '../base/yaml.ts';
import type { Refusal } from '../protocol/refusal.ts';
import { invalid } from '../protocol/refusal.ts';
import { codePoints } from '../protocol/text.ts';
import { skillFrontMatterCharactersMax } from './limits.ts';

/** What a skill says about itself. */
export type SkillIntroduction = { readonly name: string; readonly description: string };

const nameCharactersMax = 64;
const descriptionCharactersMax = 1024;
const reservedWords = ['anthropic', 'claude'] as const;

/**
 * Name and description from the YAML front matter of a SKILL.md (spec/skills.md, Upload validation). A
 * skill that does not name itself is named after its directory.
 */
export function introductionOf(skillMd: Uint8Array, directory: string): SkillIntroduction {
  const matter = frontMatterOf(decodeUtf8(skillMd));
  const { name = null, description = null } = matter;
  return {
    name:
      name === null
        ? checkedName(directory, 'the name of the directory')
        : checkedName(name, 'frontmatter name'),
    description: checkedDescription(description),
  };
}

function checkedName(name: unknown, which: string): string {
  if (typeof name !== 'string') throw bad(`${which} must be a text`);
  if (codePoints(name) > nameCharactersMax) {
    throw bad(`${which} must be at most ${nameCharactersMax} characters`);
  }
  const reserved = reservedWords.find((word) => name.toLowerCase().includes(word));
  if (reserved !== undefined) throw bad(`${which} must not contain the reserved word "${reserved}"`);
  if (hasTag(name)) throw bad(`${which} must not contain XML tags`);
  if (!/^[a-z0-9-]+$/.test(name)) {
    throw bad(`${which} must be lowercase letters, digits and hyphens, not ${JSON.stringify(name)}`);
  }
  return name;
}

function checkedDescription(description: unknown): string {
  if (description === null) throw bad('frontmatter description is required');
  if (typeof description !== 'string') throw bad('frontmatter description must be a text');
  // A block of YAML ends with a line break that nobody means.
  const text = description.trim();
  if (text === '') throw bad('frontmatter description must be at least 1 character');
  if (codePoints(text) > descriptionCharactersMax) {
    throw bad(`frontmatter description must be at most ${descriptionCharactersMax} characters`);
  }
  if (hasTag(text)) throw bad('frontmatter description must not contain XML tags');
  return text;
}

/** `a < b` is none. */
function hasTag(text: string): boolean {
  return /<[/!?]?[A-Za-z][^<>]*>/.test(text);
}

function decodeUtf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw bad('must be UTF-8 text');
  }
}

type Matter = { readonly name?: unknown; readonly description?: unknown };

/** What stands between two lines of `---` at the top; empty if there is none. */
function frontMatterOf(text: string): Matter {
  // No more is looked at than there may be: the file can be large.
  const [first = '', ...rest] = text.slice(0, skillFrontMatterCharactersMax).split(/\r?\n/);
  if (first.trimEnd() !== '---') return {};
  const end = rest.findIndex((line) => line.trimEnd() === '---');
  if (end === -1) {
    throw bad(
      `its YAML frontmatter must end with a line --- within ${skillFrontMatterCharactersMax} characters`,
    );
  }
  const matter = parsed(rest.slice(0, end).join('\n'));
  if (matter === null) return {};
  if (typeof matter !== 'object' || Array.isArray(matter))
    throw bad('its YAML frontmatter must be a mapping');
  return matter;
}

function parsed(yaml: string): unknown {
  try {
    // Lines are counted from the top of the file.
    return parseYaml(`\n${yaml}`);
  } catch (cause) {
    // The first line says what and where; the rest shows the text.
    const [what = ''] = (cause instanceof Error ? cause.message : '').split('\n');
    throw bad(`its YAML frontmatter is invalid: ${what.replace(/:$/, '').slice(0, 200)}`);
  }
}

function bad(problem: string): Refusal {
  return invalid(`SKILL.md: ${problem}`);
}
