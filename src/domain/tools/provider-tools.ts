import type { AgentTool } from '../../protocol/agent-tools.ts';
import type { ResultBlock } from '../../protocol/content.ts';
import { toolOutputCharactersMax } from '../limits.ts';
import type { WireBlock, WireTool } from '../model.ts';
import type { CallResult } from '../session/calls.ts';
import { errorResult } from '../session/calls.ts';
import { toolPermission } from './permission.ts';
import { webConfig } from './web-places.ts';

/** Web tools that the model's provider can run itself, in the middle of a reply. */
export const providerToolNames = ['web_search', 'web_fetch'] as const;
export type ProviderTool = (typeof providerToolNames)[number];

/** The tools of an agent as its provider knows them. A tool that is not to run at once is never the provider's. */
export function providerTools(
  tools: readonly AgentTool[],
  offered: readonly ProviderTool[],
): readonly WireTool[] {
  return offered.flatMap((name) => {
    const { enabled, policy } = toolPermission(tools, { server: null, name });
    if (!enabled || policy.type !== 'always_allow') return [];
    const config = webConfig(tools, name);
    // Names tools of the agent that the provider may not know.
    if (config?.type === 'web_fetch' && config.url_sources !== null) return [];
    return [definitionOf(name, config)];
  });
}

const types = { web_search: 'web_search_20250305', web_fetch: 'web_fetch_20250910' } as const;

function definitionOf(name: ProviderTool, config: ReturnType<typeof webConfig>): WireTool {
  const { allowed_domains, blocked_domains } = config ?? {};
  const location = config?.type === 'web_search' ? config.user_location : null;
  const tokensMax = config?.type === 'web_fetch' ? config.max_content_tokens : null;
  return {
    type: types[name],
    name,
    ...(allowed_domains ? { allowed_domains } : {}),
    ...(blocked_domains ? { blocked_domains } : {}),
    ...(location ? { user_location: withoutNulls(location) } : {}),
    ...(tokensMax ? { max_content_tokens: tokensMax } : {}),
  };
}

/** A call that the provider made and answered. */
export type ProviderCall = {
  readonly name: ProviderTool;
  readonly input: Readonly<Record<string, unknown>>;
  readonly result: CallResult;
};

const resultTypes: readonly string[] = ['web_search_tool_result', 'web_fetch_tool_result'];

export function isProviderResult({ type }: WireBlock): boolean {
  return resultTypes.includes(type);
}

/**
 * What a result of a reply answers. Its call is in the same reply, or in one before it that paused; `null`: in neither.
 * A call without a result has not happened yet, and is told of with it.
 */
export function providerCallOf(block: WireBlock, content: readonly WireBlock[]): ProviderCall | null {
  const call = content.find(({ type, id }) => type === 'server_tool_use' && id === block['tool_use_id']);
  const name = providerToolNames.find((known) => known === call?.['name']);
  if (!call || !name) return null;
  return { name, input: record(call['input']), result: providerResultOf(block) };
}

export function providerResultOf({ type, content }: WireBlock): CallResult {
  const code = record(content)['error_code'];
  if (typeof code === 'string') return errorResult(code);
  return {
    content: type === 'web_search_tool_result' ? hitsOf(content) : pageOf(record(content)),
    isError: false,
  };
}

/** What the model read of a page is for the provider's eyes only; where it is, is for everybody's. */
function hitsOf(content: unknown): ResultBlock[] {
  if (!Array.isArray(content)) return [];
  return content.map((hit: unknown) => {
    const { url, title, page_age } = record(hit);
    return {
      type: 'search_result',
      source: text(url),
      title: text(title) || text(url),
      content: typeof page_age === 'string' ? [{ type: 'text', text: page_age }] : [],
      citations: { enabled: false },
    };
  });
}

function pageOf({ url, content }: Fields): ResultBlock[] {
  const { source, title } = record(content);
  const { type, data, media_type } = record(source);
  if (type === 'base64' && media_type === 'application/pdf') {
    const pdf = { type: 'base64', media_type, data: text(data) } as const;
    return [{ type: 'document', source: pdf, title: text(title) || text(url) }];
  }
  const heading = [text(title), text(url)].filter((line) => line !== '').join('\n');
  const body = text(data);
  const isLong = body.length > toolOutputCharactersMax;
  const shown = isLong ? `${body.slice(0, toolOutputCharactersMax)}\n\n[the rest was left out]` : body;
  const all = `${heading}\n\n${shown}`.trim();
  return [{ type: 'text', text: all === '' ? '(no content)' : all }];
}

type Fields = Readonly<Record<string, unknown>>;

function record(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function withoutNulls(value: object): Fields {
  return Object.fromEntries(Object.entries(value).filter(([, part]) => part !== null && part !== undefined));
}
