import { chainToArray } from '../../base/chain.ts';
import type { AgentTool } from '../../protocol/agent-tools.ts';
import type { ResultBlock, UserBlock } from '../../protocol/content.ts';
import type { McpTool } from '../mcp.ts';
import type { ModelRequest, WireBlock, WireMessage, WireTool } from '../model.ts';
import type { ShownSkill } from '../prompt-sections.ts';
import { promptSections } from '../prompt-sections.ts';
import type { Repository } from '../repositories.ts';
import { builtinTools } from '../tools/builtin.ts';
import { mcpToolNames } from '../tools/mcp-names.ts';
import { toolPermission } from '../tools/permission.ts';
import type { ProviderTool } from '../tools/provider-tools.ts';
import { providerTools } from '../tools/provider-tools.ts';
import { webConfig } from '../tools/web-places.ts';
import type { ConversationItem, SessionState } from './state.ts';

/** What the log does not say, and the model is shown. */
export type Surroundings = {
  readonly mcpTools: readonly McpTool[];
  readonly skills: readonly ShownSkill[];
  /** Those that are in their places. */
  readonly repositories: readonly Repository[];
  /** Whether the server has something to search the web with. */
  readonly canSearch: boolean;
  /** What the model's provider may run itself. */
  readonly providers: readonly ProviderTool[];
};

const nothing: Surroundings = { mcpTools: [], skills: [], repositories: [], canSearch: false, providers: [] };

/** What the model is shown: the agent's system prompt, its tools, and the conversation so far. */
export function contextOf(state: SessionState, around: Partial<Surroundings> = {}): ModelRequest {
  const { skills, repositories, ...offered } = { ...nothing, ...around };
  return {
    model: state.agent.model,
    system: systemOf(state, { skills, repositories }),
    messages: messagesOf(chainToArray(state.conversation)),
    tools: state.agent.tools.flatMap((tool) => toolsOf(tool, { all: state.agent.tools, ...offered })),
  };
}

/** The agent's own prompt first, then what it cannot know. */
function systemOf(
  { agent, resources, selfHosted }: SessionState,
  shown: Pick<Surroundings, 'skills' | 'repositories'>,
): string {
  const canWrite = ['bash', 'write'].some(
    (name) => toolPermission(agent.tools, { server: null, name }).enabled,
  );
  const sections = promptSections({ resources, ...shown, hasOutputs: canWrite && !selfHosted });
  return [agent.system ?? '', ...sections].filter((part) => part !== '').join('\n\n');
}

/**
 * Consecutive items of one side become one message; tool results come first in theirs, because the
 * Messages API wants every tool use answered at the start of the next user message. What the system says
 * follows all that the user says before the model answers: a system message stands behind a user's.
 */
export function messagesOf(items: readonly ConversationItem[]): WireMessage[] {
  const messages: { role: WireMessage['role']; content: WireBlock[] }[] = [];
  let system: WireBlock[] = [];
  const say = (role: WireMessage['role'], content: readonly WireBlock[]) => {
    const last = messages.at(-1);
    if (last?.role === role) last.content.push(...content);
    else if (content.length > 0) messages.push({ role, content: [...content] });
  };
  for (const item of items) {
    if (item.type === 'system') {
      system.push(...blocksOf(item));
      continue;
    }
    if (item.type === 'assistant') {
      say('system', system);
      system = [];
    }
    say(item.type === 'assistant' ? 'assistant' : 'user', blocksOf(item));
  }
  say('system', system);
  return messages;
}

function blocksOf(item: ConversationItem): readonly WireBlock[] {
  switch (item.type) {
    case 'assistant':
      return item.content;
    case 'summary':
      return [{ type: 'text', text: summaryText(item) }];
    case 'user':
    case 'system':
      return item.content.map(contentBlock);
    case 'result':
      return [
        {
          type: 'tool_result',
          tool_use_id: item.modelToolUseId,
          content: item.content.map(contentBlock),
          ...(item.isError ? { is_error: true } : {}),
        },
      ];
  }
}

function summaryText({ text, said }: ConversationItem & { type: 'summary' }): string {
  const words = said.map((one) => `<user_message>\n${one}\n</user_message>`).join('\n');
  return `The conversation before this was summarized to fit the context window.\n<summary>\n${text}\n</summary>\nWhat the user said last in it, word by word:\n${words}`;
}

/** Blocks of the two APIs are the same but for unset optional fields, which the Messages API refuses as null. */
function contentBlock(block: UserBlock | ResultBlock): WireBlock {
  const kept = Object.entries(block).filter(([, value]) => value !== null && value !== undefined);
  return Object.fromEntries(kept) as WireBlock;
}

type Offered = Omit<Surroundings, 'skills' | 'repositories'> & { readonly all: readonly AgentTool[] };

function toolsOf(tool: AgentTool, offered: Offered): readonly WireTool[] {
  const { all, mcpTools } = offered;
  switch (tool.type) {
    case 'custom':
      return [{ name: tool.name, description: tool.description, input_schema: tool.input_schema }];
    case 'agent_toolset_20260401':
      return builtins(offered);
    case 'mcp_toolset':
      // A server whose connection failed offers nothing this turn.
      return [...mcpToolNames(mcpTools)].flatMap(([name, { server, name: own, description, inputSchema }]) =>
        server === tool.mcp_server_name && toolPermission(all, { server, name: own }).enabled
          ? [{ name, description, input_schema: inputSchema }]
          : [],
      );
  }
}

function builtins({ all, canSearch, providers }: Offered): readonly WireTool[] {
  const theirs = providerTools(all, providers);
  return builtinTools
    .filter(({ name }) => toolPermission(all, { server: null, name }).enabled)
    .flatMap(({ name, description, inputSchema }) => {
      const their = theirs.find((tool) => tool.name === name);
      if (their) return [their];
      // Without anything to search with, only agents that name the tool are to find out.
      if (name === 'web_search' && !canSearch && webConfig(all, 'web_search') === undefined) return [];
      return [{ name, description, input_schema: inputSchema }];
    });
}
