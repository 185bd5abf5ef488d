import { metrics, trace } from '@opentelemetry/api';
import { logs } from '@opentelemetry/api-logs';
import { PrometheusExporter, PrometheusSerializer } from '@opentelemetry/exporter-prometheus';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Commit } from '../domain/session/session-log.ts';
import { countSessions } from './count-sessions.ts';
import type { Gauge, Instruments } from './instruments.ts';
import { createInstruments, observe } from './instruments.ts';
import { exportedLog, tracedLog } from './logs.ts';
import { traceSessions } from './trace-sessions.ts';

export type Telemetry = {
  readonly instruments: Instruments;
  readonly noticeCommit: (commit: Commit) => void;
  /** What is written to the log goes the way of the rest too, with the trace it belongs to. */
  readonly log: Log;
  observe(gauges: readonly Gauge[]): void;
  /** All metrics in the text format of Prometheus. */
  prometheus(): Promise<string>;
  /** Resolves when what was collected so far has been sent, or cannot be. */
  close(): Promise<void>;
};

export type TelemetryOptions = {
  readonly version: string;
  /** The environment says where telemetry goes; false: only `prometheus()` shows it, and nothing is traced. */
  readonly isExported: boolean;
  readonly clock: Clock;
  readonly log: Log;
};

const scope = 'anthill';

/** Metrics always; traces, logs and metrics by OTLP where the standard `OTEL_*` variables ask for it. */
export async function openTelemetry({
  version,
  isExported,
  clock,
  log,
}: TelemetryOptions): Promise<Telemetry> {
  const reader = new PrometheusExporter({ preventServerStart: true });
  const provider = new MeterProvider({ readers: [reader] });
  const exporter = isExported ? await startExporter(version) : null;
  const meters = [provider.getMeter(scope, version), ...(exporter ? [metrics.getMeter(scope, version)] : [])];
  const instruments = createInstruments(meters);
  const count = countSessions(instruments, clock);
  const traces = exporter ? traceSessions(trace.getTracer(scope, version)) : null;
  const serializer = new PrometheusSerializer('', false, undefined, true, true);
  return {
    instruments,
    noticeCommit(commit) {
      count(commit);
      traces?.noticeCommit(commit);
    },
    log: traces ? tracedLog(exportedLog(log, logs.getLogger(scope, version)), traces.traceIdOf) : log,
    observe: (gauges) => observe(meters, gauges),
    async prometheus() {
      const { resourceMetrics, errors } = await reader.collect();
      for (const cause of errors) log.warn('metrics.incomplete', { cause });
      return serializer.serialize(resourceMetrics);
    },
    async close() {
      await provider.shutdown();
      await exporter?.shutdown().catch((cause: unknown) => log.warn('telemetry.not_sent', { cause }));
    },
  };
}

/** Loaded only where it is asked for: it is large. Reads the environment itself, as its users know it. */
async function startExporter(version: string) {
  const { NodeSDK, resources } = await import('@opentelemetry/sdk-node');
  // `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES` win over this.
  const resource = resources.resourceFromAttributes({ 'service.name': scope, 'service.version': version });
  const sdk = new NodeSDK({ resource, instrumentations: [] });
  sdk.start();
  return sdk;
}
