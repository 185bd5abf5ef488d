import { z } from 'zod';
import { resultBlockSchema, userBlockSchema } from './content.ts';
import { idSchema, text } from './text.ts';

/** What a client may send to a session (spec/events.md, What a client may send). */

const resultParams = {
  content: z.array(resultBlockSchema).nullish(),
  is_error: z.boolean().nullish(),
};

const userMessage = z.strictObject({
  type: z.literal('user.message'),
  content: z.array(userBlockSchema).min(1),
});

const userInterrupt = z.strictObject({
  type: z.literal('user.interrupt'),
  session_thread_id: z.string().nullish(),
});

const userToolConfirmation = z
  .strictObject({
    type: z.literal('user.tool_confirmation'),
    tool_use_id: idSchema,
    result: z.enum(['allow', 'deny']),
    deny_message: text(10_000).nullish(),
    // Clients echo events back; routing goes by the tool-use id, so this is read and ignored.
    session_thread_id: z.string().nullish(),
  })
  .superRefine((event, context) => {
    if (event.result === 'allow' && event.deny_message != null) {
      context.addIssue({
        code: 'custom',
        message: 'only allowed when result is "deny"',
        path: ['deny_message'],
      });
    }
  });

const userCustomToolResult = z.strictObject({
  type: z.literal('user.custom_tool_result'),
  custom_tool_use_id: idSchema,
  ...resultParams,
  session_thread_id: z.string().nullish(),
});

const userToolResult = z.strictObject({
  type: z.literal('user.tool_result'),
  tool_use_id: idSchema,
  ...resultParams,
  session_thread_id: z.string().nullish(),
});

const userDefineOutcome = z.strictObject({
  type: z.literal('user.define_outcome'),
  description: z.string().min(1),
  rubric: z.discriminatedUnion('type', [
    z.strictObject({ type: z.literal('text'), content: text(262_144, 1) }),
    z.strictObject({ type: z.literal('file'), file_id: idSchema }),
  ]),
  max_iterations: z.int().min(1).max(20).nullish(),
});

const systemMessage = z.strictObject({
  type: z.literal('system.message'),
  content: z
    .array(z.strictObject({ type: z.literal('text'), text: z.string().min(1) }))
    .min(1)
    .max(1000),
});

export const eventParams = z.discriminatedUnion('type', [
  userMessage,
  userInterrupt,
  userToolConfirmation,
  userCustomToolResult,
  userToolResult,
  userDefineOutcome,
  systemMessage,
]);
export type EventParams = z.infer<typeof eventParams>;

/** A session's `initial_events`: only what can begin one (spec/sessions.md, initial_events). */
export const initialEventParams = z.discriminatedUnion('type', [userMessage, userDefineOutcome]);

/** What begins the sessions of a deployment (spec/deployments.md, Fields). */
export const deploymentEventParams = z.discriminatedUnion('type', [
  userMessage,
  userDefineOutcome,
  systemMessage,
]);

const eventsPerRequestMax = 1000;
export const eventsSend = z.strictObject({ events: z.array(eventParams).min(1).max(eventsPerRequestMax) });
