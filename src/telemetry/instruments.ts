import type { Attributes, Meter } from '@opentelemetry/api';

export type Record = (value: number, attributes?: Attributes) => void;

/** Seconds, from a millisecond to several minutes. */
const durations = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600,
];
const tokens = [1, 4, 16, 64, 256, 1024, 4096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304];

export type Instruments = ReturnType<typeof createInstruments>;

/**
 * Everything that is measured, in each of the meters: one feeds `/metrics`, another what `OTEL_*` names. Names
 * follow the semantic conventions of OpenTelemetry where they have one.
 */
export function createInstruments(meters: readonly Meter[]) {
  const counter = (name: string, description: string, unit: string): Record => {
    const made = meters.map((meter) => meter.createCounter(name, { description, unit }));
    return (value, attributes) => {
      for (const each of made) each.add(value, attributes);
    };
  };
  const histogram = (name: string, description: string, unit: string, boundaries: number[]): Record => {
    const advice = { explicitBucketBoundaries: boundaries };
    const made = meters.map((meter) => meter.createHistogram(name, { description, unit, advice }));
    return (value, attributes) => {
      for (const each of made) each.record(value, attributes);
    };
  };
  const seconds = (name: string, description: string) => histogram(name, description, 's', durations);
  return {
    sessionsCreated: counter('anthill.sessions.created', 'Sessions created.', '{session}'),
    sessionErrors: counter('anthill.session.errors', 'Errors in the logs of sessions.', '{error}'),
    turnDuration: seconds('anthill.turn.duration', 'From running to idle.'),
    requestDuration: seconds('gen_ai.client.operation.duration', 'One request to a model.'),
    requestTokens: histogram(
      'gen_ai.client.token.usage',
      'Tokens of one request to a model.',
      '{token}',
      tokens,
    ),
    requestCost: counter('anthill.model.cost', 'List price of requests to models.', 'USD'),
    toolDuration: seconds('anthill.tool.duration', 'One call of a tool, from its start to its result.'),
    commitDuration: seconds('anthill.log.commit.duration', 'One commit to the log of a session.'),
    sandboxStartDuration: seconds(
      'anthill.sandbox.start.duration',
      'From asking for a sandbox to having one.',
    ),
    egressDecisions: counter(
      'anthill.egress.decisions',
      'What the doors of sandboxes decided about connections.',
      '{decision}',
    ),
    httpDuration: seconds('http.server.request.duration', 'One request, to the first byte of its answer.'),
  };
}

/** A value that is looked up when somebody asks for the metrics. */
export type Gauge = {
  readonly name: string;
  readonly description: string;
  readonly unit: string;
  readonly read: () => Promise<readonly (readonly [value: number, attributes: Attributes])[]>;
};

export function observe(meters: readonly Meter[], gauges: readonly Gauge[]): void {
  for (const meter of meters) {
    for (const { name, read, ...options } of gauges) {
      meter.createObservableGauge(name, options).addCallback(async (result) => {
        for (const [value, attributes] of await read()) result.observe(value, attributes);
      });
    }
  }
}
