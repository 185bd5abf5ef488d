import type { Step } from './demo-plan.ts';
import { planOf } from './demo-plan.ts';
import type { MessagesRequest } from './messages-request.ts';
import { lastUserText, resultsOf, stepOf, userTexts } from './messages-request.ts';
import type { Part, Scripted, ScriptedReply } from './reply.ts';

/**
 * `scripted/demo`: reads plain English requests and really calls the tools it is offered. It is no model;
 * it exists so that a newcomer and a test see everything work without a key.
 */
export function playDemo(request: MessagesRequest): Scripted {
  const { messages } = request;
  const said = lastUserText(messages);
  if (/\boverload/i.test(said))
    return { failure: { status: 529, type: 'overloaded_error', message: 'Overloaded' } };
  if (/^\s*(please\s+)?fail\b/i.test(said)) {
    return {
      failure: {
        status: 400,
        type: 'invalid_request_error',
        message: 'The demo model was asked to fail, and did.',
      },
    };
  }
  const plan = planOf(said);
  const step = stepOf(messages);
  const next = plan[step];
  if (next) return { reply: takeStep(request, next, said) };
  const parts: Part[] = /\bthink/i.test(said) ? [{ type: 'thinking', text: `The user said: ${said}` }] : [];
  const text = plan.length > 0 ? report(request, plan) : chat(request, said);
  const slow = /\b(be |go )?slow(ly)?\b/i.test(said) ? { chunkDelayMs: 150 } : {};
  return { reply: { parts: [...parts, { type: 'text', text: `${text}${notice(request)}` }], ...slow } };
}

function takeStep(request: MessagesRequest, step: Step, said: string): ScriptedReply {
  const offered = request.tools.some((tool) => tool.name === step.tool);
  if (!offered) {
    const names = request.tools.map((tool) => tool.name).join(', ') || 'none';
    return {
      parts: [
        {
          type: 'text',
          text: `I would need the tool "${step.tool}" for that, but I was offered: ${names}.${notice(request)}`,
        },
      ],
    };
  }
  const thinking: Part[] = /\bthink/i.test(said)
    ? [{ type: 'thinking', text: `I will use ${step.tool}.` }]
    : [];
  return {
    parts: [
      ...thinking,
      { type: 'text', text: step.intent },
      { type: 'tool_use', name: step.tool, input: step.input },
    ],
  };
}

/** What the tools really answered. */
function report(request: MessagesRequest, plan: readonly Step[]): string {
  return resultsOf(request.messages)
    .map((result, index) => {
      const done = plan[index]?.done ?? 'Result';
      return result.isError ? `That did not work:\n\n${result.text}` : `${done}:\n\n${result.text}`;
    })
    .join('\n\n');
}

function chat(request: MessagesRequest, said: string): string {
  if (/\bremember(ed)?\b.*\?|what did i (ask|tell)|\brecall\b/i.test(said)) return recall(request);
  const remember = /\bremember(?: that)?[:\s]+(.+)/is.exec(said);
  if (remember?.[1]) return `I will remember: ${remember[1].trim()}`;
  if (/\bslow/i.test(said))
    return 'I am taking my time. One word after the other, nice and slow, so that you can watch the stream as it grows and interrupt me if you like.';
  if (/\b(hello|hi|hey)\b/i.test(said))
    return 'Hello! Ask me to list, show, run, write, read, edit or search something.';
  return `You said: ${said}\n\nI understand plain requests such as: list the files; run \`uname -a\`; write "hello" to a.txt and read it; replace "hello" with "bye" in a.txt; search for hello; find *.md; remember that …; what did I ask you to remember?; use the NAME tool with {…}; think; be slow; fail.`;
}

function recall({ messages }: MessagesRequest): string {
  const notes = userTexts(messages)
    .slice(0, -1)
    .flatMap((text) => /\bremember(?: that)?[:\s]+(.+)/is.exec(text)?.[1]?.trim() ?? []);
  if (notes.length > 0) return `You asked me to remember: ${notes.join('; ')}`;
  const earlier = userTexts(messages).slice(0, -1);
  return earlier.length > 0
    ? `Earlier you said: ${earlier.join('; ')}`
    : 'You have not told me anything before this.';
}

/** Once per conversation. */
function notice({ messages }: MessagesRequest): string {
  const spoke = messages.some(
    (message) => message.role === 'assistant' && message.content.every((block) => block.type !== 'tool_use'),
  );
  if (spoke) return '';
  return '\n\n(I am scripted/demo, a demo model without intelligence. For a real one start the server with ANTHROPIC_API_KEY, or an upstream in anthill.yaml, and create an agent with its model.)';
}
