/** The rules of ARCHITECTURE.md and CONTRIBUTING.md as functions over one file's text. */

const fileLinesMax = 500;
const functionLinesMax = 60;

/** Floors: what each folder may import besides itself. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  base: [],
  protocol: ['base'],
  domain: ['base', 'protocol'],
  store: ['base', 'protocol', 'domain'],
  hands: ['base', 'protocol', 'domain'],
  brain: ['base', 'protocol', 'domain'],
  control: ['base', 'protocol', 'domain'],
  workers: ['base', 'protocol', 'domain'],
  telemetry: ['base', 'protocol', 'domain'],
  vault: ['base', 'protocol', 'domain'],
  http: ['base', 'protocol', 'domain', 'control'],
  cli: ['base', 'protocol'],
  main: [
    'base',
    'protocol',
    'domain',
    'store',
    'hands',
    'brain',
    'control',
    'workers',
    'telemetry',
    'vault',
    'http',
    'cli',
  ],
};

/** Shell files hold things together and must stay thin. */
const shellLinesMax: Readonly<Record<string, number>> = {
  'src/brain/turn.ts': 150,
  'src/http/app.ts': 150,
  'src/main/compose.ts': 250,
  'src/workers/worker.ts': 200,
};

const forbiddenFolders = ['utils', 'helpers', 'common', 'shared', 'services', 'types', 'lib'];
const forbiddenSuffix =
  /\b(?:class|type|interface|function|const)\s+\w+(?:Manager|Helper|Util|Service|Impl)\b/;

type Rule = (file: string, text: string) => string | null;

/** Every rule that a source file breaks, in words. Test files may use what they need of the whole house. */
export function complaintsAbout(file: string, text: string): string[] {
  const isTest = file.endsWith('.test.ts') || file.endsWith('-contract.ts');
  const rules = isTest ? everywhere : [...everywhere, ...inSources];
  return rules.flatMap((rule) => {
    const complaint = rule(file, text);
    return complaint === null ? [] : [`${file}: ${complaint}`];
  });
}

const everywhere: readonly Rule[] = [
  (_, text) => (withoutStrings(text).match(/(?::|\bas|<)\s*any\b/) ? 'uses any' : null),
  (_, text) => (/^export default/m.test(text) ? 'has a default export' : null),
  (_, text) => (/\b(TODO|FIXME|XXX)\b/.test(text) ? 'is unfinished' : null),
  (file) =>
    forbiddenFolders.some((name) => file.split('/').includes(name))
      ? 'lies in a folder that says nothing'
      : null,
  (file) =>
    /^[a-z0-9]+(-[a-z0-9]+)*(\.test)?\.ts$/.test(file.split('/').at(-1) ?? '')
      ? null
      : 'is not named in kebab-case',
];

const inSources: readonly Rule[] = [
  (file, text) => {
    const limit = shellLinesMax[file] ?? fileLinesMax;
    const lines = text.split('\n').length - 1;
    return lines > limit ? `has ${lines} lines, more than ${limit}` : null;
  },
  (_, text) => {
    const [first] = longFunctions(text);
    return first ? `${first.name} has ${first.lines} lines, more than ${functionLinesMax}` : null;
  },
  (file, text) => {
    const folder = file.split('/')[1] ?? '';
    const allowed = [folder, ...(mayImport[folder] ?? [])];
    const target = importedFolders(file, text).find((candidate) => !allowed.includes(candidate));
    return target === undefined ? null : `${folder} must not import ${target}`;
  },
  (_, text) => (/^export (\*|\{[^}]*\}) from/m.test(text) ? 'is a barrel' : null),
  (_, text) => (/^(export )?(const )?enum /m.test(text) ? 'has an enum' : null),
  (_, text) => (/[\w)\]]!(\.|\[|\)|;|,)/.test(withoutStrings(text)) ? 'asserts non-null' : null),
  (_, text) => (forbiddenSuffix.test(withoutStrings(text)) ? 'uses a suffix that says nothing' : null),
  (file, text) =>
    !file.startsWith('src/main/') && /process\.env|\bimport\.meta\.env/.test(text)
      ? 'reads the environment'
      : null,
  (file, text) => (file.startsWith('src/domain/') ? impurity(text) : null),
];

function impurity(text: string): string | null {
  const code = withoutStrings(text);
  if (/from 'node:/.test(text)) return 'the domain imports node';
  if (/\bDate\.now|new Date\(\)|performance\.now|Math\.random|randomUUID/.test(code))
    return 'the domain has a clock or dice';
  return /\bawait\b/.test(code) ? 'the domain waits' : null;
}

function importedFolders(file: string, text: string): string[] {
  const here = file.split('/').slice(0, -1);
  return [...text.matchAll(/from '(\.[^']+)'/g)].map(([, path = '']) => {
    const parts = [...here];
    for (const part of path.split('/')) {
      if (part === '..') parts.pop();
      else if (part !== '.') parts.push(part);
    }
    return parts[1] ?? '';
  });
}

/** Code without what strings, templates and comments say. */
function withoutStrings(text: string): string {
  return text
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/(^|[^:'"`])\/\/.*$/gm, '$1')
    .replace(/'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\.)*`/g, "''");
}

export type LongFunction = { readonly name: string; readonly lines: number };

/**
 * Functions that are too long, by indentation: a formatter keeps the closing brace of a function in the
 * column of the line that began it. Factories that return closures count their closures, not themselves.
 */
export function longFunctions(text: string): LongFunction[] {
  const lines = text.split('\n');
  return lines.flatMap((line, index) => {
    const start = /^(\s*)(?:export )?(?:async )?function\*? (\w+)/.exec(line);
    if (!start) return [];
    const [, indent = '', name = ''] = start;
    const end = lines.findIndex(
      (other, at) => at > index && (other === `${indent}}` || other.startsWith(`${indent}};`)),
    );
    const body = lines.slice(index, end + 1);
    const inner = body.slice(1).filter((other) => nested(other)).length > 0 ? closureLines(body) : 0;
    const length = body.length - inner;
    return length > functionLinesMax ? [{ name, lines: length }] : [];
  });
}

function nested(line: string): boolean {
  return /^\s+(?:async )?function\*? \w+/.test(line);
}

/** Lines of the functions declared inside. */
function closureLines(body: readonly string[]): number {
  let count = 0;
  for (let at = 1; at < body.length; at++) {
    const indent = /^(\s+)(?:async )?function\*? \w+/.exec(body[at] ?? '')?.[1];
    if (indent === undefined) continue;
    const end = body.findIndex((line, index) => index > at && line === `${indent}}`);
    if (end === -1) continue;
    count += end - at + 1;
    at = end;
  }
  return count;
}
