import type { Hands, ToolOutcome } from '../domain/hands.ts';
import { recipeOf } from '../domain/hands.ts';
import type { Call, SessionState } from '../domain/session/state.ts';
import { isServerTool } from '../domain/tools/builtin.ts';
import { fetchAsked } from '../domain/tools/web-fetch.ts';
import { searchAsked } from '../domain/tools/web-search.ts';
import type { Web } from '../domain/web.ts';
import type { McpLink } from './mcp.ts';

export type CallDeps = { readonly hands: Hands; readonly web: Web };

/** Who runs a call: a sandbox, or an MCP server or this one, whose long answers are kept in the sandbox. */
export async function runCall(
  { hands, web }: CallDeps,
  { call, state, mcp }: { readonly call: Call; readonly state: SessionState; readonly mcp: McpLink },
  signal: AbortSignal,
): Promise<ToolOutcome> {
  const recipe = recipeOf(state);
  if (call.kind === 'mcp') return await hands.spill(recipe, call, await mcp.call(call, signal));
  if (!isServerTool(call.name)) return await hands.execute(recipe, call, signal);
  return await hands.spill(recipe, call, await onWeb(web, { call, state }, signal));
}

type Called = { readonly call: Call; readonly state: SessionState };

async function onWeb(web: Web, { call, state }: Called, signal: AbortSignal): Promise<ToolOutcome> {
  if (call.name === 'web_search') {
    const asked = searchAsked(state, call.input);
    return 'query' in asked ? await web.search(asked, signal) : asked;
  }
  const asked = fetchAsked(state, call.input);
  return 'url' in asked ? await web.fetchPage(asked, signal) : asked;
}
