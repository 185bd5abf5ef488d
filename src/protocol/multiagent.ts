import { z } from 'zod';
import { idSchema, text } from './text.ts';

/** `agent.multiagent` in its two forms: sent, echoed, and (in `sessions.ts`) expanded. */

const disabled = z.strictObject({ type: z.literal('disabled') });
export const toggle = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('enabled') }),
  disabled,
]);

export const agentReferenceSchema = z.strictObject({
  type: z.literal('agent'),
  id: z.string(),
  version: z.int(),
});
export const advisorSchema = z.strictObject({ type: z.literal('advisor'), model: z.string() });
export const advisorSwitch = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('enabled'), model: z.string() }),
  disabled,
]);

function rosterSwitch<Member extends z.ZodType>(member: Member) {
  return z.discriminatedUnion('type', [
    z.strictObject({ type: z.literal('enabled'), inline_agents: toggle, predefined_agents: z.array(member) }),
    disabled,
  ]);
}

/** The echoed form over one kind of roster member: references on agents, full definitions on sessions. */
export function multiagentOf<Member extends z.ZodType, Listed extends z.ZodType>(
  member: Member,
  listed: Listed,
) {
  return z.discriminatedUnion('type', [
    z.strictObject({ type: z.literal('coordinator'), agents: z.array(listed) }),
    z.strictObject({
      type: z.literal('multiagent_20261001'),
      advisor: advisorSwitch,
      subagents: rosterSwitch(member),
      workflows: rosterSwitch(member),
    }),
  ]);
}

export const multiagentSchema = multiagentOf(
  agentReferenceSchema,
  z.discriminatedUnion('type', [agentReferenceSchema, advisorSchema]),
);
export type Multiagent = z.infer<typeof multiagentSchema>;

export const agentReferenceParams = z.strictObject({
  type: z.literal('agent'),
  id: idSchema,
  version: z.int().min(1).nullish(),
});
const selfParams = z.strictObject({ type: z.literal('self') });
const advisorParams = z.strictObject({ type: z.literal('advisor'), model: text(256, 1) });

const rosterMax = 20;
const predefinedParams = z
  .array(z.union([idSchema, z.discriminatedUnion('type', [agentReferenceParams, selfParams])]))
  .max(rosterMax)
  .nullish();

const rosterSwitchParams = z
  .discriminatedUnion('type', [
    z.strictObject({
      type: z.literal('enabled'),
      inline_agents: toggle.nullish(),
      predefined_agents: predefinedParams,
    }),
    disabled,
  ])
  .nullish();

export const multiagentParams = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('coordinator'),
    agents: z
      .array(
        z.union([idSchema, z.discriminatedUnion('type', [agentReferenceParams, selfParams, advisorParams])]),
      )
      .min(1)
      .max(rosterMax),
  }),
  z.strictObject({
    type: z.literal('multiagent_20261001'),
    advisor: z
      .discriminatedUnion('type', [
        z.strictObject({ type: z.literal('enabled'), model: text(256, 1) }),
        disabled,
      ])
      .nullish(),
    subagents: rosterSwitchParams,
    workflows: rosterSwitchParams,
  }),
]);
export type MultiagentParams = z.infer<typeof multiagentParams>;
