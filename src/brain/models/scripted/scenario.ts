import { parseYaml } from '../../../base/yaml.ts';
import type { MessagesRequest } from './messages-request.ts';
import { lastUserText, resultsOf, stepOf } from './messages-request.ts';
import type { Part, Scripted, ScriptedFailure, ScriptedReply } from './reply.ts';

/**
 * A scripted model as a file: rules in order, the first that matches the request answers. Nothing is
 * remembered between requests but how often a `fail … times` rule has failed the same request.
 * The format is described in docs/scripted-models.md.
 */
export type Scenario = readonly Rule[];

type Rule = {
  readonly when: Condition;
  readonly fail: (ScriptedFailure & { readonly times: number }) | null;
  readonly reply: ScriptedReply;
};

type Condition = {
  readonly user: RegExp | null;
  readonly step: number | null;
  readonly result: RegExp | null;
  readonly resultIsError: boolean | null;
};

/** Counts attempts at the same request; owned by the endpoint. */
export type Attempts = { next(key: string): number };

export function playScenario(scenario: Scenario, request: MessagesRequest, attempts: Attempts): Scripted {
  const index = scenario.findIndex((rule) => matches(rule.when, request));
  const rule = scenario[index];
  if (!rule)
    return {
      failure: {
        status: 400,
        type: 'invalid_request_error',
        message: 'no rule of the scenario matches this request',
      },
    };
  if (
    rule.fail &&
    attempts.next(`${request.model} ${index} ${JSON.stringify(request.messages)}`) <= rule.fail.times
  )
    return { failure: rule.fail };
  return { reply: { ...rule.reply, parts: rule.reply.parts.map((part) => filledIn(part, request)) } };
}

function matches(when: Condition, { messages }: MessagesRequest): boolean {
  const last = resultsOf(messages).at(-1);
  if (when.user && !when.user.test(lastUserText(messages))) return false;
  if (when.step !== null && when.step !== stepOf(messages)) return false;
  if (when.result && !(last && when.result.test(last.text))) return false;
  return when.resultIsError === null || when.resultIsError === (last?.isError ?? false);
}

/** `{{user_text}}` and `{{last_tool_result}}`. */
function filledIn(part: Part, { messages }: MessagesRequest): Part {
  if (part.type !== 'text') return part;
  const values: Readonly<Record<string, string>> = {
    user_text: lastUserText(messages),
    last_tool_result: resultsOf(messages).at(-1)?.text ?? '',
  };
  return {
    ...part,
    text: part.text.replace(/\{\{(\w+)\}\}/g, (whole, name: string) => values[name] ?? whole),
  };
}

/** Reads a scenario file. Throws with the path of the first thing that is not as it should be. */
export function parseScenario(text: string): Scenario {
  const { rules } = record(parseYaml(text), 'scenario', ['rules']);
  if (!Array.isArray(rules) || rules.length === 0)
    throw new Error('rules: must be a list with at least one rule');
  return rules.map((rule: unknown, index) => parseRule(rule, `rules[${index}]`));
}

const ruleFields = [
  'when',
  'reply',
  'stop_reason',
  'stop_details',
  'usage',
  'delay_ms',
  'chunk_delay_ms',
  'cut_after_events',
  'fail',
];

function parseRule(value: unknown, path: string): Rule {
  const rule = record(value, path, ruleFields);
  const parts = rule['reply'] === undefined ? [] : list(rule['reply'], `${path}.reply`);
  return {
    when: parseCondition(rule['when'] ?? {}, `${path}.when`),
    fail: rule['fail'] === undefined ? null : parseFailure(rule['fail'], `${path}.fail`),
    reply: {
      parts: parts.map((part, index) => parsePart(part, `${path}.reply[${index}]`)),
      ...optional('stopReason', rule['stop_reason'], (reason) => string(reason, `${path}.stop_reason`)),
      ...optional('stopDetails', rule['stop_details'], (details) => record(details, `${path}.stop_details`)),
      ...optional('usage', rule['usage'], (usage) => numbers(usage, `${path}.usage`)),
      ...optional('delayMs', rule['delay_ms'], (ms) => number(ms, `${path}.delay_ms`)),
      ...optional('chunkDelayMs', rule['chunk_delay_ms'], (ms) => number(ms, `${path}.chunk_delay_ms`)),
      ...optional('cutAfterEvents', rule['cut_after_events'], (count) =>
        number(count, `${path}.cut_after_events`),
      ),
    },
  };
}

function parseCondition(value: unknown, path: string): Condition {
  const when = record(value, path, ['user', 'step', 'result', 'result_is_error']);
  const pattern = (name: string) => (when[name] === undefined ? null : regExp(when[name], `${path}.${name}`));
  return {
    user: pattern('user'),
    step: when['step'] === undefined ? null : number(when['step'], `${path}.step`),
    result: pattern('result'),
    resultIsError:
      when['result_is_error'] === undefined
        ? null
        : boolean(when['result_is_error'], `${path}.result_is_error`),
  };
}

function parsePart(value: unknown, path: string): Part {
  const part = record(value, path, ['text', 'thinking', 'tool', 'input', 'malformed_input']);
  const kinds = ['text', 'thinking', 'tool'].filter((kind) => part[kind] !== undefined);
  const [kind] = kinds;
  if (kind === undefined || kinds.length > 1)
    throw new Error(`${path}: needs exactly one of text, thinking and tool`);
  const said = string(part[kind], `${path}.${kind}`);
  if (kind === 'tool') return toolPart(part, said, path);
  if (part['input'] !== undefined || part['malformed_input'] !== undefined)
    throw new Error(`${path}: only a tool has an input`);
  return kind === 'text' ? { type: 'text', text: said } : { type: 'thinking', text: said };
}

function toolPart(part: Readonly<Record<string, unknown>>, name: string, path: string): Part {
  const { input, malformed_input: malformed } = part;
  if (malformed === undefined) return { type: 'tool_use', name, input: record(input ?? {}, `${path}.input`) };
  if (input !== undefined) throw new Error(`${path}: has input or malformed_input, not both`);
  return { type: 'malformed_tool_use', name, inputText: string(malformed, `${path}.malformed_input`) };
}

function parseFailure(value: unknown, path: string): ScriptedFailure & { times: number } {
  const fail = record(value, path, ['status', 'type', 'message', 'retry_after', 'delay_ms', 'times']);
  const status = number(fail['status'] ?? 529, `${path}.status`);
  if (status < 400 || status > 599) throw new Error(`${path}.status: must be between 400 and 599`);
  return {
    status,
    type: string(fail['type'] ?? errorTypeOf(status), `${path}.type`),
    message: string(fail['message'] ?? 'scripted failure', `${path}.message`),
    times: fail['times'] === undefined ? Number.POSITIVE_INFINITY : number(fail['times'], `${path}.times`),
    ...optional('retryAfterSeconds', fail['retry_after'], (seconds) =>
      number(seconds, `${path}.retry_after`),
    ),
    ...optional('delayMs', fail['delay_ms'], (ms) => number(ms, `${path}.delay_ms`)),
  };
}

const errorTypes: Readonly<Record<number, string>> = {
  401: 'authentication_error',
  402: 'billing_error',
  403: 'permission_error',
  404: 'not_found_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  504: 'timeout_error',
  529: 'overloaded_error',
};

function errorTypeOf(status: number): string {
  return errorTypes[status] ?? (status >= 500 ? 'api_error' : 'invalid_request_error');
}

function optional<K extends string, V>(
  key: K,
  value: unknown,
  read: (value: unknown) => V,
): { [P in K]?: V } {
  return value === undefined ? {} : ({ [key]: read(value) } as { [P in K]?: V });
}

function record(value: unknown, path: string, fields?: readonly string[]): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Error(`${path}: must be a mapping`);
  const unknown = Object.keys(value).find((name) => fields && !fields.includes(name));
  if (unknown) throw new Error(`${path}.${unknown}: unknown field; known are ${fields?.join(', ')}`);
  return value as Record<string, unknown>;
}

function list(value: unknown, path: string): readonly unknown[] {
  if (!Array.isArray(value)) throw new Error(`${path}: must be a list`);
  return value;
}

function number(value: unknown, path: string): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0)
    throw new Error(`${path}: must be a whole number, 0 or more`);
  return value;
}

function string(value: unknown, path: string): string {
  if (typeof value !== 'string') throw new Error(`${path}: must be text`);
  return value;
}

function boolean(value: unknown, path: string): boolean {
  if (typeof value !== 'boolean') throw new Error(`${path}: must be true or false`);
  return value;
}

function regExp(value: unknown, path: string): RegExp {
  const source = string(value, path);
  try {
    return new RegExp(source, 'i');
  } catch (cause) {
    throw new Error(`${path}: ${cause instanceof Error ? cause.message : 'not a regular expression'}`, {
      cause,
    });
  }
}

function numbers(value: unknown, path: string): Record<string, number> {
  const entries = Object.entries(record(value, path));
  return Object.fromEntries(entries.map(([name, count]) => [name, number(count, `${path}.${name}`)]));
}
