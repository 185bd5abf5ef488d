/** One tool call the demo model will make. */
export type Step = {
  readonly tool: string;
  readonly input: Readonly<Record<string, unknown>>;
  /** Said before the call. */
  readonly intent: string;
  /** Said of its result. */
  readonly done: string;
};

/** The tool calls that a plain request asks for, in order; none for small talk. Depends on the text alone. */
export function planOf(text: string): readonly Step[] {
  if (/^\s*(please\s+)?remember\b/i.test(text)) return [];
  const steps: Step[] = [];
  let file: string | null = null;
  for (const clause of clausesOf(text)) {
    const step = stepOf(clause, file);
    if (!step) continue;
    steps.push(step);
    const path = step.input['file_path'];
    if (typeof path === 'string') file = path;
  }
  return steps;
}

const separator =
  /\s*(?:,?\s+and then\s+|,?\s+then\s+|,?\s+and\s+(?=(?:read|show|list|run|edit|replace|search|find|write|cat|use)\b)|;\s+)/gi;

/** A request clause by clause. A bare command may contain "and"; what is quoted belongs together. */
function clausesOf(text: string): readonly string[] {
  if (/^\s*(please\s+)?(run|execute)\b[:\s]+(the command[:\s]+)?[^`"]/i.test(text)) return [text];
  const masked = text.replace(/"[^"]*"|`[^`]*`|\{.*\}/gs, (quoted) => '_'.repeat(quoted.length));
  const clauses: string[] = [];
  let from = 0;
  for (const { index, 0: words } of masked.matchAll(separator)) {
    clauses.push(text.slice(from, index));
    from = index + words.length;
  }
  return [...clauses, text.slice(from)];
}

type Rule = {
  readonly pattern: RegExp;
  readonly step: (match: RegExpExecArray, file: string | null) => Step | null;
};

const name = String.raw`["'\`]?([\w./-]+\.\w+|[\w./-]*/[\w./-]+|it)["'\`]?`;

/** Four groups, one of which matches. */
const quoted = String.raw`(?:"([^"]*)"|'([^']*)'|\`([^\`]*)\`|(.+?))`;

const rules: readonly Rule[] = [
  {
    pattern:
      /\b(?:use|call)\s+(?:the\s+)?["'`]?(?!(?:the|a|it|this)\b)([\w-]+)["'`]?(?:\s+tool\b(?!\s+with\s+\{)|(?:\s+tool)?\s+with\s+(\{.*\}))/is,
    step: ([, tool = '', input]) => {
      const parsed = parseInput(input);
      if (parsed === null) return null;
      return { tool, input: parsed, intent: `I will use the ${tool} tool.`, done: `${tool} answered` };
    },
  },
  {
    pattern: /\b(?:run|execute)\b[:\s]+(?:the command[:\s]+)?(?:`([^`]+)`|"([^"]+)"|(.+))/is,
    step: ([, ticked, quoted, plain]) => bash((ticked ?? quoted ?? plain ?? '').trim().replace(/\.$/, '')),
  },
  {
    pattern: new RegExp(
      String.raw`\b(?:write|put|save)\s+${quoted}\s+(?:to|into|in)\s+(?:the file\s+|a file\s+(?:called|named)\s+)?${name}`,
      'is',
    ),
    step: ([, double, single, ticked, plain, path = '']) =>
      write(path, double ?? single ?? ticked ?? plain ?? ''),
  },
  {
    pattern: new RegExp(
      String.raw`\b(?:replace|change)\s+["'\`]?(.+?)["'\`]?\s+(?:with|to|by)\s+["'\`]?(.+?)["'\`]?\s+in\s+${name}`,
      'is',
    ),
    step: ([, before = '', after = '', path = ''], file) => edit(path === 'it' ? file : path, before, after),
  },
  {
    pattern: /\b(?:find|glob)\b.*?([\w./*?[\]{},-]*[*?][\w./*?[\]{},-]*)/is,
    step: ([, pattern = '']) => ({
      tool: 'glob',
      input: { pattern: pattern.replace(/[.,]$/, '') },
      intent: `I will look for ${pattern}.`,
      done: `Files that match ${pattern}`,
    }),
  },
  {
    pattern:
      /\b(?:search|grep|look)\s+(?:for\s+)?["'`]?(.+?)["'`]?(?:\s+in\s+["'`]?([\w./-]+)["'`]?)?\s*[.!?]?$/is,
    step: ([, pattern = '', path]) => ({
      tool: 'grep',
      input: { pattern, ...(path && path !== 'the' ? { path } : {}) },
      intent: `I will search for ${pattern}.`,
      done: `Matches of ${pattern}`,
    }),
  },
  {
    pattern: new RegExp(
      String.raw`\b(?:read|show(?: me)?|cat|open|print)\s+(?:the (?:file|content of)\s+)?${name}`,
      'is',
    ),
    step: ([, path = ''], file) => read(path === 'it' ? file : path),
  },
  {
    pattern: /\bask (?:me )?(?:for )?(?:my )?permission\b/i,
    step: () => bash('echo "permission was given"'),
  },
  {
    pattern: /\b(?:list|ls)\b|\bwhat('s| is| files)\b.*\b(?:director|folder|files|here)|\bshow\b.*\bfiles\b/i,
    step: () => ({
      ...bash('ls -la'),
      intent: 'I will list the files.',
      done: 'The working directory contains',
    }),
  },
];

function stepOf(clause: string, file: string | null): Step | null {
  for (const { pattern, step } of rules) {
    const match = pattern.exec(clause);
    const found = match && step(match, file);
    if (found) return found;
  }
  return null;
}

function parseInput(text: string | undefined): Record<string, unknown> | null {
  if (text === undefined) return {};
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

function bash(command: string): Step {
  return {
    tool: 'bash',
    input: { command },
    intent: `I will run \`${command}\`.`,
    done: `\`${command}\` printed`,
  };
}

function write(path: string, content: string): Step | null {
  if (path === 'it') return null;
  return {
    tool: 'write',
    input: { file_path: path, content },
    intent: `I will write ${path}.`,
    done: 'Written',
  };
}

function read(path: string | null): Step | null {
  if (path === null) return null;
  return { tool: 'read', input: { file_path: path }, intent: `I will read ${path}.`, done: `${path} says` };
}

function edit(path: string | null, before: string, after: string): Step | null {
  if (path === null) return null;
  const input = { file_path: path, old_string: before, new_string: after };
  return { tool: 'edit', input, intent: `I will edit ${path}.`, done: 'Edited' };
}
