import { chainToArray } from '../../base/chain.ts';
import type { ToolConfig } from '../../protocol/agent-tools.ts';
import type { ResultBlock } from '../../protocol/content.ts';
import { fetchUrlCharactersMax } from '../limits.ts';
import type { CallResult } from '../session/calls.ts';
import { errorResult } from '../session/calls.ts';
import type { ConversationItem, SessionState } from '../session/state.ts';
import type { FetchErrorCode, FetchPage } from '../web.ts';
import { isProviderResult, providerResultOf } from './provider-tools.ts';
import { domainProblem, domainsOf, webConfig } from './web-places.ts';

type FetchConfig = Extract<ToolConfig, { type: 'web_fetch' }>;
type Sources = FetchConfig['url_sources'];

/** What a call of `web_fetch` asks for, or the error that it is answered with. */
export function fetchAsked(
  state: SessionState,
  input: Readonly<Record<string, unknown>>,
): FetchPage | CallResult {
  const { url } = input;
  if (typeof url !== 'string' || !/^https?:\/\//i.test(url) || !URL.canParse(url))
    return fetchError('invalid_input', 'url must be an http or https URL');
  if (url.length > fetchUrlCharactersMax)
    return fetchError('url_too_long', `a URL may have ${fetchUrlCharactersMax} characters`);
  const config = webConfig(state.agent.tools, 'web_fetch');
  const domains = domainsOf(config);
  const problem = domainProblem(url, domains);
  if (problem !== null) return fetchError('url_not_allowed', problem);
  if (!isShown(url, state, config?.url_sources ?? null))
    return fetchError(
      'url_not_in_prior_context',
      'only URLs that the user, a tool of the client or an earlier page has shown can be fetched',
    );
  const tokensMax = config?.max_content_tokens ?? null;
  return { url, domains, tokensMax, environmentId: state.environmentId };
}

export function fetchError(code: FetchErrorCode, why: string): CallResult {
  return errorResult(`${code}: ${why}`);
}

/** Whether the conversation has shown a URL, or the host of which it is the first page. */
function isShown(url: string, { conversation, agent }: SessionState, sources: Sources): boolean {
  const wanted = plain(url);
  const items = chainToArray(conversation);
  const names = toolNames(items);
  const custom = new Set(agent.tools.flatMap((tool) => (tool.type === 'custom' ? [tool.name] : [])));
  const { hostname, pathname, search } = new URL(url);
  const isFront = pathname === '/' && search === '';
  return items.some((item) =>
    textsOf(item, (id) => isSource(names.get(id) ?? '', custom, sources), sources).some(
      (text) =>
        urlsIn(text).some((shown) => plain(shown) === wanted) || (isFront && mentions(text, hostname)),
    ),
  );
}

/** By the model's id of a call: the tool that it called. */
function toolNames(items: readonly ConversationItem[]): ReadonlyMap<string, string> {
  const uses = items.flatMap((item) => (item.type === 'assistant' ? item.content : []));
  return new Map(
    uses.flatMap((block) =>
      block.type === 'tool_use' || block.type === 'server_tool_use'
        ? [[String(block['id']), String(block['name'])] as const]
        : [],
    ),
  );
}

function isSource(tool: string, custom: ReadonlySet<string>, sources: Sources): boolean {
  const isServers = tool === 'web_fetch' || tool === 'web_search';
  if (!isServers && !custom.has(tool)) return false;
  const filter = isServers ? sources?.server_tool_results : sources?.client_tool_results;
  if (!filter || filter.type === 'all') return true;
  if (filter.type === 'none') return false;
  const isNamed = filter.tools.some(({ name }) => name === tool);
  return filter.type === 'only' ? isNamed : !isNamed;
}

function textsOf(
  item: ConversationItem,
  counts: (modelToolUseId: string) => boolean,
  sources: Sources,
): readonly string[] {
  const ofUser = sources?.user_input?.type !== 'none';
  switch (item.type) {
    case 'user':
      return ofUser ? item.content.flatMap((block) => (block.type === 'text' ? [block.text] : [])) : [];
    case 'summary':
      return ofUser ? item.said : [];
    case 'result':
      return counts(item.modelToolUseId) ? item.content.flatMap(textsOfResult) : [];
    case 'assistant':
      return item.content.flatMap((block) =>
        isProviderResult(block) && counts(String(block['tool_use_id']))
          ? providerResultOf(block).content.flatMap(textsOfResult)
          : [],
      );
    default:
      return [];
  }
}

function textsOfResult(block: ResultBlock): readonly string[] {
  if (block.type === 'text') return [block.text];
  if (block.type === 'search_result') return [block.source, ...block.content.map(({ text }) => text)];
  return [];
}

/** URLs in running text, without the punctuation behind them. */
function urlsIn(text: string): readonly string[] {
  const found = text.match(/https?:\/\/[^\s<>"'`\\^{}|]+/gi) ?? [];
  return found.flatMap((url) => [url, url.replace(/[.,;:!?)\]*_]+$/, ''), url.replace(/\).*$/, '')]);
}

function mentions(text: string, hostname: string): boolean {
  const at = text.toLowerCase().indexOf(hostname);
  if (at === -1) return false;
  return !/[\w.-]/.test(text[at - 1] ?? ' ') && !/[\w-]/.test(text[at + hostname.length] ?? ' ');
}

/** One spelling per page: the part behind `#` and a last slash do not matter. */
function plain(url: string): string {
  if (!URL.canParse(url)) return url;
  const { protocol, host, pathname, search } = new URL(url);
  return `${protocol}//${host}${pathname.replace(/\/+$/, '')}${search}`;
}
