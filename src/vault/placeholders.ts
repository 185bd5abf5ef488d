import { createHmac, hkdfSync } from 'node:crypto';

/** Stands for a secret in the sandbox of a session: 128 bits that nobody can guess, the same for as long as both are. */
export function createPlaceholders(key: Uint8Array): (sessionId: string, secretId: string) => string {
  const placeholderKey = Buffer.from(hkdfSync('sha256', key, '', 'anthill placeholders', 32));
  return (sessionId, secretId) => {
    const of = JSON.stringify([sessionId, secretId]);
    return `anthill_ph_${createHmac('sha256', placeholderKey).update(of).digest('hex').slice(0, 32)}`;
  };
}
