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
};

const full: Profile = {
  promptCaching: true,
  effort: true,
  thinking: true,
  thinkingHistory: true,
  fastMode: true,
  inferenceGeo: true,
  systemMessages: true,
};

const plain: Profile = {
  promptCaching: false,
  effort: false,
  thinking: false,
  thinkingHistory: false,
  fastMode: false,
  inferenceGeo: false,
  systemMessages: false,
};

const profiles: Readonly<Record<string, Profile>> = {
  anthropic: full,
  generic: plain,
  // The scripted endpoint checks what it gets like the real one, so it is asked like the real one.
  scripted: { ...full, thinking: false, effort: false, fastMode: false, inferenceGeo: false },
};

/** Names are checked where they are configured; an unknown one is as careful as `generic`. */
export function profileOf(name: string): Profile {
  return profiles[name] ?? plain;
}

/** Profiles that a configuration can name. */
export const profileNames: readonly string[] = ['anthropic', 'generic'];
