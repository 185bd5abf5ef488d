import { z } from 'zod';
import {
  agentToolParams,
  agentToolSchema,
  mcpServerParams,
  mcpServerSchema,
  skillReferenceParams,
  skillReferenceSchema,
} from './agent-tools.ts';
import { multiagentParams, multiagentSchema } from './multiagent.ts';
import { idSchema, metadataCreate, metadataPatch, metadataSchema, text, timestamp } from './text.ts';

const effortLevels = ['low', 'medium', 'high', 'xhigh', 'max'] as const;
const effortSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('low') }),
  z.strictObject({ type: z.literal('medium') }),
  z.strictObject({ type: z.literal('high') }),
  z.strictObject({ type: z.literal('xhigh') }),
  z.strictObject({ type: z.literal('max') }),
]);

export const modelConfigSchema = z.strictObject({
  id: z.string(),
  effort: effortSchema.exactOptional(),
  speed: z.enum(['standard', 'fast']).exactOptional(),
  inference_geo: z.string().exactOptional(),
});
export type ModelConfig = z.infer<typeof modelConfigSchema>;

const modelObjectParams = z.strictObject({
  id: text(256, 1),
  effort: z.union([z.enum(effortLevels), effortSchema]).nullish(),
  speed: z.enum(['standard', 'fast']).nullish(),
  inference_geo: z.string().nullish(),
});
/** The string form equals `{id}`. */
export const modelParams = z.union([text(256, 1), modelObjectParams]);
export type ModelParams = z.infer<typeof modelParams>;

export const executionIdentitySchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('service_account') }),
  z.strictObject({ type: z.literal('aws_role'), role_arn: text(2048, 1) }),
]);

/** What an agent and its snapshots in sessions and threads have in common. */
export const agentDefinition = {
  name: z.string(),
  model: modelConfigSchema,
  description: z.string().nullable(),
  system: z.string().nullable(),
  tools: z.array(agentToolSchema),
  mcp_servers: z.array(mcpServerSchema),
  skills: z.array(skillReferenceSchema),
  execution_identity: executionIdentitySchema,
};

export const agentSchema = z.strictObject({
  id: z.string(),
  type: z.literal('agent'),
  version: z.int(),
  ...agentDefinition,
  multiagent: multiagentSchema.nullable(),
  metadata: metadataSchema,
  created_at: timestamp,
  updated_at: timestamp,
  archived_at: timestamp.nullable(),
});
export type Agent = z.infer<typeof agentSchema>;

const nameParams = text(256, 1);
const descriptionParams = text(2048).nullish();
export const systemParams = text(100_000).nullish();
export const toolsParams = z.array(agentToolParams);
export const mcpServersParams = z.array(mcpServerParams).max(20);
export const skillsParams = z.array(skillReferenceParams).max(500);

export const agentCreate = z.strictObject({
  name: nameParams,
  model: modelParams,
  description: descriptionParams,
  system: systemParams,
  tools: toolsParams.nullish(),
  mcp_servers: mcpServersParams.nullish(),
  skills: skillsParams.nullish(),
  multiagent: multiagentParams.nullish(),
  metadata: metadataCreate.nullish(),
  execution_identity: executionIdentitySchema.nullish(),
});
export type AgentCreate = z.infer<typeof agentCreate>;

export const agentUpdate = z.strictObject({
  version: z.int().min(1).nullish(),
  name: nameParams.optional(),
  model: modelParams.optional(),
  description: descriptionParams,
  system: systemParams,
  tools: toolsParams.nullish(),
  mcp_servers: mcpServersParams.nullish(),
  skills: skillsParams.nullish(),
  multiagent: multiagentParams.nullish(),
  metadata: metadataPatch.nullish(),
  execution_identity: executionIdentitySchema.nullish(),
});
export type AgentUpdate = z.infer<typeof agentUpdate>;

/** How a session names its agent: id (latest version), pinned reference, or reference with overrides. */
export const agentSelection = z.union([
  idSchema,
  z.discriminatedUnion('type', [
    z.strictObject({ type: z.literal('agent'), id: idSchema, version: z.int().min(1).nullish() }),
    z.strictObject({
      type: z.literal('agent_with_overrides'),
      id: idSchema,
      version: z.int().min(1).nullish(),
      model: modelParams.nullish(),
      system: systemParams,
      tools: toolsParams.nullish(),
      mcp_servers: mcpServersParams.nullish(),
      skills: skillsParams.nullish(),
    }),
  ]),
]);
export type AgentSelection = z.infer<typeof agentSelection>;
