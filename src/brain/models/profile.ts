import type { ProviderTool } from '../../domain/tools/provider-tools.ts';

/** What an endpoint behind the Messages API can do. What it cannot is left out of requests instead of failing. */
export type Profile = {
  readonly promptCaching: boolean;
  /** `output_config.effort`. */
  readonly effort: boolean;
  /** `thinking: {type: adaptive}`. */
  readonly thinking: boolean;
  /** Thinking blocks of earlier replies may be sent back. */
  readonly thinkingHistory: boolean;
  readonly fastMode: boolean;
  readonly inferenceGeo: boolean;
  /** Messages of the role `system` among the others; elsewhere they become words of the user. */
  readonly systemMessages: boolean;
  readonly images: boolean;
  readonly documents: boolean;
  /** `search_result` blocks in tool results. */
  readonly searchResults: boolean;
  /** Web tools that the endpoint runs itself; an operator says so, because not every account has them. */
  readonly serverTools: readonly ProviderTool[];
  /** Leaves out old tool results by itself: `context_management`. */
  readonly contextEditing: boolean;
};

const full: Profile = {
  promptCaching: true,
  effort: true,
  thinking: true,
  thinkingHistory: true,
  fastMode: true,
  inferenceGeo: true,
  systemMessages: true,
  images: true,
  documents: true,
  searchResults: true,
  serverTools: [],
  contextEditing: true,
};

/** Clouds that host the Claude models, without what only their maker's own endpoint has. */
const hosted: Profile = { ...full, fastMode: false, inferenceGeo: false, contextEditing: false };

/** Local servers and gateways to models of other makers. */
const plain: Profile = {
  promptCaching: false,
  effort: false,
  thinking: false,
  thinkingHistory: false,
  fastMode: false,
  inferenceGeo: false,
  systemMessages: false,
  images: true,
  documents: false,
  searchResults: false,
  serverTools: [],
  contextEditing: false,
};

const profiles = {
  anthropic: full,
  bedrock: hosted,
  vertex: hosted,
  foundry: hosted,
  // A gateway: it hands on what it knows to whoever serves the model.
  openrouter: { ...plain, promptCaching: true, thinkingHistory: true, documents: true },
  deepseek: { ...plain, thinkingHistory: true, images: false },
  ollama: plain,
  vllm: plain,
  'llama.cpp': plain,
  generic: plain,
} satisfies Readonly<Record<string, Profile>>;

/** The scripted endpoint checks what it gets like the real one, so it is asked like the real one. */
export const scriptedProfile: Profile = {
  ...full,
  thinking: false,
  effort: false,
  fastMode: false,
  inferenceGeo: false,
  contextEditing: false,
};

/** Names are checked where they are configured; an unknown one is as careful as `generic`. */
export function profileOf(name: string): Profile {
  return Object.entries(profiles).find(([known]) => known === name)?.[1] ?? plain;
}

/** Profiles that a configuration can name. */
export const profileNames: readonly string[] = Object.keys(profiles);
