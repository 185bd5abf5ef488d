import type { KeyObject } from 'node:crypto';
import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { isIP } from 'node:net';
import type { SecureContext } from 'node:tls';
import { createSecureContext } from 'node:tls';
import type * as Asn1 from 'asn1js';
import { certificatesKeptMax } from '../../domain/limits.ts';

/** Vouches for hosts towards the programs of one sandbox, which are told to trust it. Its key never leaves memory. */
export type Authority = {
  /** PEM. */
  readonly certificate: string;
  /** What a TLS server shows that speaks for this host. */
  contextFor(host: string): SecureContext;
};

type Library = typeof Asn1;
type Block = Asn1.BaseBlock;

/** ECDSA over P-256: small, and every TLS client of today knows it (RFC 5480, RFC 5758). */
const algorithm = { signature: '1.2.840.10045.4.3.2', curve: 'prime256v1' } as const;
const oids = {
  commonName: '2.5.4.3',
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  authorityKeyIdentifier: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
  serverAuth: '1.3.6.1.5.5.7.3.1',
} as const;
const dayMs = 24 * 3_600_000;
const lifetimeMs = 30 * dayMs;
const authorityName = 'Anthill sandbox authority';

export async function createAuthority(nowMs: number): Promise<Authority> {
  // Loaded when it is needed: a server that starts does not need it.
  const asn1 = await import('asn1js');
  const keys = generateKeyPairSync('ec', { namedCurve: algorithm.curve });
  // One key for all hosts: it is the authority's word that tells them apart.
  const leaf = generateKeyPairSync('ec', { namedCurve: algorithm.curve });
  const leafKey = leaf.privateKey.export({ type: 'pkcs8', format: 'pem' });
  const issue = (subject: string, publicKey: KeyObject, host: string | null) =>
    pemOf(signed(asn1, { subject, publicKey, host, issuer: keys, nowMs }));
  const certificate = issue(authorityName, keys.publicKey, null);
  const contexts = new Map<string, SecureContext>();
  return {
    certificate,
    contextFor(host) {
      const known = contexts.get(host);
      if (known) return known;
      const cert = issue('sandbox', leaf.publicKey, host) + certificate;
      const context = createSecureContext({ key: leafKey, cert, minVersion: 'TLSv1.2' });
      contexts.set(host, context);
      const [oldest] = contexts.keys();
      if (contexts.size > certificatesKeptMax && oldest !== undefined) contexts.delete(oldest);
      return context;
    },
  };
}

type Certificate = {
  readonly subject: string;
  readonly publicKey: KeyObject;
  /** `null`: an authority. */
  readonly host: string | null;
  readonly issuer: { readonly publicKey: KeyObject; readonly privateKey: KeyObject };
  readonly nowMs: number;
};

/** RFC 5280, 4.1. */
function signed(asn1: Library, certificate: Certificate): Buffer {
  const { subject, publicKey, issuer, nowMs } = certificate;
  const method = sequence(asn1, [new asn1.ObjectIdentifier({ value: algorithm.signature })]);
  const version = tagged(asn1, 0, [new asn1.Integer({ value: 2 })]);
  const serial = Buffer.concat([Buffer.from([1]), randomBytes(15)]);
  const body = sequence(asn1, [
    version,
    new asn1.Integer({ valueHex: bytesOf(serial) }),
    method,
    nameOf(asn1, authorityName),
    sequence(asn1, [
      new asn1.UTCTime({ valueDate: new Date(nowMs - dayMs) }),
      new asn1.UTCTime({ valueDate: new Date(nowMs + lifetimeMs) }),
    ]),
    nameOf(asn1, subject),
    asn1.fromBER(bytesOf(spkiOf(publicKey))).result,
    tagged(asn1, 3, [sequence(asn1, extensionsOf(asn1, certificate))]),
  ]);
  const signature = sign('sha256', Buffer.from(body.toBER()), issuer.privateKey);
  const whole = [body, method, new asn1.BitString({ valueHex: bytesOf(signature) })];
  return Buffer.from(sequence(asn1, whole).toBER());
}

function extensionsOf(asn1: Library, { host, publicKey, issuer }: Certificate): Block[] {
  const extension = (id: string, critical: boolean, value: Block) =>
    sequence(asn1, [
      new asn1.ObjectIdentifier({ value: id }),
      ...(critical ? [new asn1.Boolean({ value: true })] : []),
      new asn1.OctetString({ valueHex: value.toBER() }),
    ]);
  const bits = (byte: number, unusedBits: number) =>
    new asn1.BitString({ valueHex: bytesOf(Buffer.from([byte])), unusedBits });
  const subject = extension(oids.subjectKeyIdentifier, false, octets(asn1, identifierOf(publicKey)));
  if (host === null) {
    const isAuthority = sequence(asn1, [new asn1.Boolean({ value: true }), new asn1.Integer({ value: 0 })]);
    // keyCertSign, cRLSign
    return [
      extension(oids.basicConstraints, true, isAuthority),
      extension(oids.keyUsage, true, bits(0x06, 1)),
      subject,
    ];
  }
  const issuerId = sequence(asn1, [primitive(asn1, 0, identifierOf(issuer.publicKey))]);
  const usage = sequence(asn1, [new asn1.ObjectIdentifier({ value: oids.serverAuth })]);
  return [
    extension(oids.basicConstraints, true, sequence(asn1, [])),
    // digitalSignature
    extension(oids.keyUsage, true, bits(0x80, 7)),
    extension(oids.extendedKeyUsage, false, usage),
    extension(oids.subjectAltName, true, sequence(asn1, [alternativeName(asn1, host)])),
    subject,
    extension(oids.authorityKeyIdentifier, false, issuerId),
  ];
}

/** iPAddress or dNSName. */
function alternativeName(asn1: Library, host: string): Block {
  if (isIP(host) === 4) return primitive(asn1, 7, Buffer.from(host.split('.').map(Number)));
  return primitive(asn1, 2, Buffer.from(host, 'latin1'));
}

function nameOf(asn1: Library, value: string): Block {
  const part = [new asn1.ObjectIdentifier({ value: oids.commonName }), new asn1.Utf8String({ value })];
  return sequence(asn1, [new asn1.Set({ value: [sequence(asn1, part)] })]);
}

function sequence(asn1: Library, value: Block[]): Block {
  return new asn1.Sequence({ value });
}

/** Explicitly tagged. */
function tagged(asn1: Library, tagNumber: number, value: Block[]): Block {
  return new asn1.Constructed({ idBlock: { tagClass: 3, tagNumber }, value });
}

/** Implicitly tagged. */
function primitive(asn1: Library, tagNumber: number, bytes: Buffer): Block {
  return new asn1.Primitive({ idBlock: { tagClass: 3, tagNumber }, valueHex: bytesOf(bytes) });
}

function octets(asn1: Library, bytes: Buffer): Block {
  return new asn1.OctetString({ valueHex: bytesOf(bytes) });
}

/** SHA-1 of the key's bits, as RFC 5280, 4.2.1.2 suggests; any unique value would do. */
function identifierOf(key: KeyObject): Buffer {
  return createHash('sha1').update(spkiOf(key).subarray(-65)).digest();
}

function spkiOf(key: KeyObject): Buffer {
  return key.export({ type: 'spki', format: 'der' });
}

function bytesOf(buffer: Buffer): ArrayBuffer {
  return new Uint8Array(buffer).buffer;
}

function pemOf(der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}
