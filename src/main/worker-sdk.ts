/** The official SDK, loaded when it is needed: by few commands. */
export async function sdk() {
  const [{ default: Anthropic, toFile }, { ToolError }, { sessionsTokenFromSecret }] = await Promise.all([
    import('@anthropic-ai/sdk'),
    import('@anthropic-ai/sdk/lib/tools/ToolError'),
    import('@anthropic-ai/sdk/lib/environments/worker'),
  ]);
  return { Anthropic, toFile, ToolError, sessionsTokenFromSecret };
}

export type Client = InstanceType<Awaited<ReturnType<typeof sdk>>['Anthropic']>;
export type ToFile = Awaited<ReturnType<typeof sdk>>['toFile'];
