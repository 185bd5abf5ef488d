import { z } from 'zod';
import { timestamp } from './text.ts';

const support = z.strictObject({ supported: z.boolean() });

export const modelInfoSchema = z.strictObject({
  id: z.string(),
  type: z.literal('model'),
  display_name: z.string(),
  created_at: timestamp,
  lifecycle: z.enum(['active', 'deprecated', 'retired']),
  line: z.enum(['haiku', 'sonnet', 'opus', 'fable', 'mythos']).nullable(),
  deprecated_at: timestamp.nullable(),
  retires_at: timestamp.nullable(),
  max_input_tokens: z.int().nullable(),
  max_tokens: z.int().nullable(),
  allowed_fallback_models: z.array(z.string()).nullable(),
  capabilities: z
    .strictObject({
      batch: support,
      citations: support,
      code_execution: support,
      compaction: z.strictObject({ supported: z.boolean(), summarize: support }).nullable(),
      context_management: z.strictObject({
        supported: z.boolean(),
        clear_thinking_20251015: support.nullable(),
        clear_tool_uses_20250919: support.nullable(),
        compact_20260112: support.nullable(),
      }),
      effort: z.strictObject({
        supported: z.boolean(),
        low: support,
        medium: support,
        high: support,
        xhigh: support.nullable(),
        max: support,
      }),
      image_input: support,
      pdf_input: support,
      server_tools: z.strictObject({ supported: z.boolean(), code_execution: support, web_search: support }),
      structured_outputs: support,
      thinking: z.strictObject({
        supported: z.boolean(),
        types: z.strictObject({
          adaptive: support,
          between_tools: support,
          disabled: support,
          enabled: support,
        }),
      }),
    })
    .nullable(),
});
export type ModelInfo = z.infer<typeof modelInfoSchema>;
