import type { SandboxProvider } from '../domain/sandbox.ts';
import type { SessionLog } from '../domain/session/session-log.ts';
import type { Tails } from '../domain/tails.ts';
import type { Recorder } from '../hands/egress/recorder.ts';
import type { AppDeps } from '../http/app.ts';
import type { Store } from '../store/open.ts';
import type { Gauge, Instruments } from '../telemetry/instruments.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import type { Config } from './config.ts';

/** What is measured beside the commits: each wraps a part and is the same part to everybody else. */

export function timedProvider(
  provider: SandboxProvider,
  { sandboxStartDuration }: Instruments,
): SandboxProvider {
  return {
    ...provider,
    async provision(spec, signal) {
      const from = performance.now();
      const tell = (result: string) => sandboxStartDuration((performance.now() - from) / 1000, { result });
      try {
        const sandbox = await provider.provision(spec, signal);
        tell('started');
        return sandbox;
      } catch (cause) {
        tell('failed');
        throw cause;
      }
    },
  };
}

export function timedLog(log: SessionLog, { commitDuration }: Instruments): SessionLog {
  return {
    ...log,
    async commit(id, decide, lease) {
      const from = performance.now();
      try {
        return await log.commit(id, decide, lease);
      } finally {
        commitDuration((performance.now() - from) / 1000);
      }
    },
  };
}

export function countedRecorder(recorder: Recorder, { egressDecisions }: Instruments): Recorder {
  return {
    ...recorder,
    record(sessionId, decision) {
      egressDecisions(1, { result: decision.result, reason: decision.reason });
      recorder.record(sessionId, decision);
    },
  };
}

/** What the door of the API says about itself. */
export function watchedAnswers(
  { prometheus, instruments }: Telemetry,
  { metrics, noAuth }: Config,
): Pick<AppDeps, 'metrics' | 'noticeAnswer'> {
  return {
    metrics: { read: prometheus, isOpen: metrics.isOpen || noAuth },
    noticeAnswer: ({ method, path }, status, seconds) =>
      instruments.httpDuration(seconds, {
        'http.request.method': method,
        'http.route': path,
        'http.response.status_code': status,
      }),
  };
}

export function gaugesOf({ sessionCounts }: Store, tails: Tails): readonly Gauge[] {
  return [
    {
      name: 'anthill.sessions',
      description: 'Sessions that are not archived.',
      unit: '{session}',
      read: async () => (await sessionCounts.byStatus()).map(({ status, count }) => [count, { status }]),
    },
    {
      name: 'anthill.sessions.waiting',
      description: 'Sessions that should run and that no brain has taken.',
      unit: '{session}',
      read: async () => [[(await sessionCounts.waiting()).count, {}]],
    },
    {
      name: 'anthill.sessions.waiting.oldest',
      description: 'How long the first of those has waited.',
      unit: 's',
      read: async () => [[(await sessionCounts.waiting()).oldestSeconds, {}]],
    },
    {
      name: 'anthill.sessions.leased',
      description: 'Sessions that a brain works on.',
      unit: '{session}',
      read: async () => [[await sessionCounts.leased(), {}]],
    },
    {
      name: 'anthill.stream.readers',
      description: 'Open streams of events in this process.',
      unit: '{stream}',
      read: async () => [[tails.readers(), {}]],
    },
    {
      name: 'process.memory.usage',
      description: 'Resident memory of this process.',
      unit: 'By',
      read: async () => [[process.memoryUsage.rss(), {}]],
    },
    {
      name: 'process.cpu.time',
      description: 'Processor time of this process since its start.',
      unit: 's',
      read: async () => {
        const { user, system } = process.cpuUsage();
        return [[(user + system) / 1e6, {}]];
      },
    },
  ];
}
