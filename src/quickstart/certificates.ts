import 'reflect-metadata';
import { randomBytes, webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';

/** Demonstrations and tests are short; a certificate that outlives them by years would only be found lying about. */
const VALID_DAYS = 30;
const DAY_MS = 86_400_000;
const CLOCK_SKEW_MS = 3_600_000;

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

/** PEM texts, as `node:https` takes them. */
export type ServerCertificate = { readonly cert: string; readonly key: string };
export type ValidPeriod = { readonly notBefore: Date; readonly notAfter: Date };

/** A certificate authority in memory, for servers on loopback in the quickstart and in tests. */
export class DemoAuthority {
  private constructor(
    private readonly keys: webcrypto.CryptoKeyPair,
    private readonly root: x509.X509Certificate,
  ) {}

  static async create(commonName = 'Chancery demonstration CA'): Promise<DemoAuthority> {
    const keys = await newKeys();
    const root = await x509.X509CertificateGenerator.createSelfSigned({
      serialNumber: newSerial(),
      name: `CN=${commonName}`,
      ...validPeriod(),
      keys,
      signingAlgorithm: ALGORITHM,
      extensions: [
        new x509.BasicConstraintsExtension(true, 0, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey, false),
      ],
    });
    return new DemoAuthority(keys, root);
  }

  /** The authority's own certificate, to be trusted through the extra-CA setting. */
  get certificate(): string {
    return this.root.toString('pem');
  }

  /** A server certificate for the given DNS names. */
  async issue(dnsNames: readonly string[], period: ValidPeriod = validPeriod()): Promise<ServerCertificate> {
    const keys = await newKeys();
    const certificate = await x509.X509CertificateGenerator.create({
      serialNumber: newSerial(),
      subject: `CN=${dnsNames[0]}`,
      issuer: this.root.subject,
      ...period,
      publicKey: keys.publicKey,
      signingKey: this.keys.privateKey,
      signingAlgorithm: ALGORITHM,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
        new x509.SubjectAlternativeNameExtension(dnsNames.map((value) => ({ type: 'dns', value }))),
        await x509.AuthorityKeyIdentifierExtension.create(this.root, false),
      ],
    });
    const key = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey);
    return { cert: certificate.toString('pem'), key: x509.PemConverter.encode(key, 'PRIVATE KEY') };
  }
}

const newKeys = (): Promise<webcrypto.CryptoKeyPair> =>
  webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);

/** RFC 5280, 4.1.2.2: positive, at most 20 bytes. */
const newSerial = (): string => `4${randomBytes(15).toString('hex')}`;

function validPeriod(): ValidPeriod {
  const now = Date.now();
  return { notBefore: new Date(now - CLOCK_SKEW_MS), notAfter: new Date(now + VALID_DAYS * DAY_MS) };
}
