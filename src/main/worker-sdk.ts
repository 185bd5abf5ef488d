/** The official SDK, loaded when it is needed: by no other command than `anthill worker`. */
export async function sdk() {
  const [{ default: Anthropic }, { ToolError }, { sessionsTokenFromSecret }] = await Promise.all([
    import('@anthropic-ai/sdk'),
    import('@anthropic-ai/sdk/lib/tools/ToolError'),
    import('@anthropic-ai/sdk/lib/environments/worker'),
  ]);
  return { Anthropic, ToolError, sessionsTokenFromSecret };
}

export type Client = InstanceType<Awaited<ReturnType<typeof sdk>>['Anthropic']>;
