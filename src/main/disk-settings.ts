import { diskQuotaBytesDefault } from '../domain/limits.ts';

const bytesMin = 1024 * 1024;

/** `sandbox.disk_quota_bytes` of anthill.yaml. A mistake is thrown as `Mistake`, in one sentence. */
export function diskQuotaOf(value: unknown, Mistake: new (message: string) => Error): number {
  if (value === undefined) return diskQuotaBytesDefault;
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= bytesMin) return value;
  throw new Mistake(`sandbox.disk_quota_bytes: must be a number of bytes, ${bytesMin} or more`);
}
