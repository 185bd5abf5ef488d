import type { Field } from '../protocol/fields.ts';
import type { Command } from './commands.ts';
import { flagOf, itemFlagOf } from './commands.ts';

const globalFlags = `Global flags
  --base-url URL      server to talk to (ANTHROPIC_BASE_URL); without it the local server is found by itself
  --api-key KEY       key to use (ANTHROPIC_API_KEY with a base URL; the local server's own otherwise)
  --data DIR          data directory of the local server (ANTHILL_DATA, ~/.anthill)
  --format FORMAT     auto, json, jsonl, pretty, yaml, raw; auto is pretty on a terminal and JSON on a pipe,
                      where lists and streams print one object per line
  --transform PATH    print only this part, for example --transform id
  --debug             say on standard error what is sent
  --help, --version
`;

export function generalHelp(commands: readonly Command[]): string {
  const resources = [...new Set(commands.map(({ resource }) => resource))];
  const lines = resources.map((resource) => {
    const actions = commands.filter((command) => command.resource === resource).map(({ action }) => action);
    return `  ${resource.padEnd(30)} ${actions.join(', ')}`;
  });
  return `anthill: a server for Managed Agents, and its command line

Usage
  anthill up [--port N] [--host H] [--data DIR]   start the server
  anthill doctor                                  say what isolation is active
  anthill run "TEXT" [--model M]                  one question, one answer
  anthill RESOURCE ACTION [flags]                 call the API

Resources
${lines.join('\n')}

${globalFlags}`;
}

export function resourceHelp(commands: readonly Command[], resource: string): string {
  const lines = commands
    .filter((command) => command.resource === resource)
    .map(({ action, route }) => `  anthill ${resource} ${action.padEnd(10)} ${route.summary}`);
  return `${lines.join('\n')}\n\n${globalFlags}`;
}

export function commandHelp(command: Command): string {
  const ids = command.ids.map((id) => `  --${flagOf(id)} ID (required; or without the flag)`);
  const flags = [...command.body, ...command.query].map(flagLine);
  const stdin =
    command.route.body === null
      ? ''
      : '\nThe body can also come as YAML or JSON on standard input; flags win.\n';
  return `anthill ${command.resource} ${command.action}: ${command.route.summary}

${[...ids, ...flags].join('\n')}
${stdin}
${globalFlags}`;
}

function flagLine(field: Field): string {
  const item = itemFlagOf(field);
  const name = item ?? flagOf(field.name);
  const kind = field.kind === 'list' ? (field.items ?? 'string') : field.kind;
  const type = { string: 'TEXT', number: 'N', boolean: '', list: 'YAML', object: 'YAML', mixed: 'TEXT|YAML' }[
    kind
  ];
  const notes = [
    field.required ? 'required' : '',
    item ? 'may be repeated' : '',
    field.choices.length > 0 && field.choices.length <= 6 ? field.choices.join('|') : '',
  ].filter((note) => note !== '');
  return `  --${name}${type ? ` ${type}` : ''}${notes.length > 0 ? ` (${notes.join('; ')})` : ''}`;
}
