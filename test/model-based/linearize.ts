import assert from 'node:assert/strict';
import { APIError } from '@anthropic-ai/sdk';
import fc from 'fast-check';

/**
 * What a resource is, told in order: what one call makes of it and what its caller sees. States are plain
 * data. `apply` is given the label of the call, which names what the call creates.
 */
export type Model<State, Op> = {
  readonly initial: State;
  readonly apply: (state: State, op: Op, label: string) => readonly [State, outcome: string];
};

type Call<Op> = { readonly op: Op; readonly label: string; readonly outcome: string };

/** A client of the resource under test. */
export type Subject<Plan, Op> = {
  /** What is planned, with what the client knows before the round: ids, versions. */
  aim(plan: Plan): Op;
  /** Does it; resolves with what its caller sees, in the words of the model. */
  run(op: Op, label: string): Promise<string>;
};

/**
 * The states that explain what concurrent callers saw: each is reached from one of `from` by some order of
 * the calls in which every call sees what it saw. None: the resource did not behave like one.
 */
export function explanations<State, Op>(
  { apply }: Model<State, Op>,
  from: readonly State[],
  calls: readonly Call<Op>[],
): readonly State[] {
  const reached = new Map<string, State>();
  const visited = new Set<string>();
  const visit = (state: State, rest: readonly Call<Op>[]): void => {
    const seen = JSON.stringify([state, rest.map(({ label }) => label)]);
    if (visited.has(seen)) return;
    visited.add(seen);
    if (rest.length === 0) reached.set(JSON.stringify(state), state);
    for (const call of rest) {
      const [after, outcome] = apply(state, call.op, call.label);
      if (outcome === call.outcome)
        visit(
          after,
          rest.filter((other) => other !== call),
        );
    }
  };
  for (const state of from) visit(state, calls);
  return [...reached.values()];
}

export type Trial<State, Plan, Op> = {
  readonly model: Model<State, Op>;
  readonly plan: fc.Arbitrary<Plan>;
  /** A fresh resource for every run. */
  readonly begin: () => Promise<Subject<Plan, Op>>;
  readonly runs: number;
};

/** Rounds of calls at once, one round after the other, each to be explained by some order of its calls. */
export async function assertLinearizable<State, Plan, Op>(trial: Trial<State, Plan, Op>): Promise<void> {
  const { model, plan, begin, runs } = trial;
  const rounds = fc.array(fc.array(plan, { minLength: 1, maxLength: 4 }), { minLength: 2, maxLength: 8 });
  const property = fc.asyncProperty(rounds, async (plans) => {
    const subject = await begin();
    let states: readonly State[] = [model.initial];
    for (const [index, round] of plans.entries()) {
      const ops = round.map((one) => subject.aim(one));
      const calls = await Promise.all(
        ops.map(async (op, at) => {
          const label = `${index}.${at}`;
          return { op, label, outcome: await subject.run(op, label) };
        }),
      );
      const next = explanations(model, states, calls);
      assert.ok(next.length > 0, `no order of ${JSON.stringify(calls)} on any of ${JSON.stringify(states)}`);
      states = next;
    }
  });
  await fc.assert(property, { seed: 20_261_125, numRuns: runs, endOnFailure: true });
}

/** What a refused caller sees: the status, and the kind of error where a status has several. */
export async function outcomeOf(attempt: () => Promise<string>): Promise<string> {
  try {
    return await attempt();
  } catch (cause) {
    if (!(cause instanceof APIError)) throw cause;
    return cause.status === 409 ? `409 ${cause.type}` : String(cause.status);
  }
}
