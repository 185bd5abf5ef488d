import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { Seal, SecretPlace, Unseal } from '../domain/sealing.ts';

export const masterKeyBytes = 32;
const algorithm = 'aes-256-gcm';
const version = 'v1';
const nonceBytes = 12;
const tagBytes = 16;

/**
 * AES-256-GCM under the master key: `v1.` and base64url of nonce, ciphertext and tag. The nonce is random
 * (2^32 seals of one key stay far from a repetition); the place is authenticated along.
 */
export function createSeal(key: Uint8Array): Seal {
  return (secret, place) => {
    const nonce = randomBytes(nonceBytes);
    const cipher = createCipheriv(algorithm, key, nonce).setAAD(authenticated(place));
    const sealed = [nonce, cipher.update(secret, 'utf8'), cipher.final(), cipher.getAuthTag()];
    return `${version}.${Buffer.concat(sealed).toString('base64url')}`;
  };
}

/** Throws `Unsealable`. */
export function createUnseal(key: Uint8Array): Unseal {
  return (sealed, place) => unseal(key, sealed, place);
}

/** Another key, another place or a changed byte: all look the same. */
export class Unsealable extends Error {}

/** The secret that was sealed for this place. Throws `Unsealable`. */
export function unseal(key: Uint8Array, sealed: string, place: SecretPlace): string {
  const [kind, text = ''] = sealed.split('.');
  const bytes = Buffer.from(text, 'base64url');
  if (kind !== version || bytes.length < nonceBytes + tagBytes) throw new Unsealable('not a sealed secret');
  const decipher = createDecipheriv(algorithm, key, bytes.subarray(0, nonceBytes), {
    authTagLength: tagBytes,
  })
    .setAAD(authenticated(place))
    .setAuthTag(bytes.subarray(-tagBytes));
  try {
    const secret = [decipher.update(bytes.subarray(nonceBytes, -tagBytes)), decipher.final()];
    return Buffer.concat(secret).toString('utf8');
  } catch {
    // What the library says is of no use, and nothing of the text may get any further.
    throw new Unsealable(
      'the secret was sealed with another master key or for another place, or was changed',
    );
  }
}

function authenticated(place: SecretPlace): Buffer {
  const owner = ownerOf(place);
  return Buffer.from(JSON.stringify([...owner, place.field]), 'utf8');
}

function ownerOf(place: SecretPlace): readonly string[] {
  if ('vaultId' in place) return [place.vaultId, place.credentialId];
  if ('sessionId' in place) return [place.sessionId, place.resourceId];
  return 'deploymentId' in place ? [place.deploymentId, place.index] : [place.webhookEndpointId];
}
