/** The built-in tools as the model sees them (spec/tools.md, Built-in tools). Closed schemas. */
export type BuiltinTool = {
  readonly name: string;
  readonly description: string;
  readonly inputSchema: Readonly<Record<string, unknown>>;
  /** Running it twice does no harm, so it may run again after a crash. */
  readonly readOnly: boolean;
  /** The server runs it, also where workers have the sandboxes. */
  readonly onServer?: true;
};

const text = (description: string) => ({ type: 'string', description });
const flag = (description: string) => ({ type: 'boolean', description });
const count = (description: string) => ({ type: 'integer', minimum: 0, description });

function closed(properties: Readonly<Record<string, unknown>>, required: readonly string[]) {
  return { type: 'object', properties, required, additionalProperties: false };
}

export const builtinTools: readonly BuiltinTool[] = [
  {
    name: 'bash',
    description:
      'Run a command in a persistent bash session. State such as the working directory and variables is kept between calls. Standard input is empty. Set restart to start a fresh session.',
    inputSchema: closed(
      {
        command: text('The command to run. Leave out only together with restart.'),
        restart: flag('Restart the bash session instead of running a command.'),
        timeout_ms: count(
          'Time limit in milliseconds; 0 or omitted means the default of 120000. At most 600000.',
        ),
      },
      [],
    ),
    readOnly: false,
  },
  {
    name: 'read',
    description: 'Read a file. Text comes back with line numbers, images as images.',
    inputSchema: closed(
      {
        file_path: text('Path of the file, absolute or relative to the working directory.'),
        view_range: {
          type: 'array',
          items: { type: 'integer' },
          minItems: 2,
          maxItems: 2,
          description:
            'First and last line, counted from 1, both included. A last line of 0 or less means the end of the file.',
        },
      },
      ['file_path'],
    ),
    readOnly: true,
  },
  {
    name: 'write',
    description: 'Write a whole file, replacing what was there. Missing parent directories are created.',
    inputSchema: closed(
      { file_path: text('Path of the file.'), content: text('The complete new content.') },
      ['file_path', 'content'],
    ),
    readOnly: false,
  },
  {
    name: 'edit',
    description: 'Replace text in a file. old_string must occur exactly once unless replace_all is set.',
    inputSchema: closed(
      {
        file_path: text('Path of the file.'),
        old_string: { ...text('The text to replace, exactly as it stands in the file.'), minLength: 1 },
        new_string: text('The text to put in its place.'),
        replace_all: flag('Replace every occurrence.'),
      },
      ['file_path', 'old_string', 'new_string'],
    ),
    readOnly: false,
  },
  {
    name: 'glob',
    description: 'Find files by a glob pattern such as **/*.ts. Newest first, at most 200.',
    inputSchema: closed(
      {
        pattern: text('The glob pattern.'),
        path: text('Directory to search; the working directory by default.'),
      },
      ['pattern'],
    ),
    readOnly: true,
  },
  {
    name: 'grep',
    description: 'Search file contents with a regular expression.',
    inputSchema: closed(
      {
        pattern: text('The regular expression.'),
        path: text('File or directory to search; the working directory by default.'),
        glob: text('Only search files that match this glob.'),
        type: text('Only search files of this type, for example js or py.'),
        output_mode: {
          type: 'string',
          enum: ['content', 'files_with_matches', 'count'],
          description: 'What to show: matching lines, file names, or counts.',
        },
        '-i': flag('Ignore case.'),
        '-n': flag('Show line numbers.'),
        '-A': count('Lines to show after each match.'),
        '-B': count('Lines to show before each match.'),
        '-C': count('Lines to show around each match.'),
        context: count('The same as -C.'),
        head_limit: count('Show only this many lines or files.'),
        offset: count('Skip this many lines or files first.'),
        multiline: flag('Let the pattern match across lines.'),
      },
      ['pattern'],
    ),
    readOnly: true,
  },
  {
    name: 'web_fetch',
    description:
      'Fetch a page or document from the web and read it as text. Only URLs that the user, a tool or an earlier page has shown can be fetched.',
    inputSchema: closed({ url: text('The http or https URL.') }, ['url']),
    readOnly: true,
    onServer: true,
  },
  {
    name: 'web_search',
    description:
      'Search the web. Answers with titles, URLs and excerpts of pages; web_fetch reads a page that was found.',
    inputSchema: closed({ query: { ...text('What to search for.'), minLength: 2 } }, ['query']),
    readOnly: true,
    onServer: true,
  },
];

/** Whether the server itself runs a built-in tool, not a sandbox. */
export function isServerTool(name: string): boolean {
  return builtinTools.some((tool) => tool.name === name && tool.onServer);
}

/** Whether it is a built-in tool that runs in a sandbox. */
export function isSandboxTool(name: string): boolean {
  return builtinTools.some((tool) => tool.name === name && !tool.onServer);
}

/** Whether a built-in tool may run twice without harm. */
export function isReadOnlyTool(name: string): boolean {
  return builtinTools.some((tool) => tool.name === name && tool.readOnly);
}
