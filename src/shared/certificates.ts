/** Certificates in PEM, and how much of their life is left. */
import { X509Certificate } from "node:crypto";

const DAY_MS = 24 * 60 * 60 * 1000;
/** A certificate is due for renewal once this part of its life is left. */
const RENEWAL_PART = 1 / 3;
/** The long life of a CA leaves less time than a part of it, and still enough. */
const RENEWAL_MAX_MS = 180 * DAY_MS;

const PEM_CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

/** The life of a certificate, or of several that are needed together. */
export interface CertificateLife {
  /** In milliseconds since 1970. */
  readonly endsAtMs: number;
  readonly lifetimeMs: number;
}

/** The complete certificates of a file, each in PEM. */
export function pemCertificates(text: string): readonly string[] {
  return text.match(PEM_CERTIFICATE) ?? [];
}

/** When a certificate ends. */
export function lifeOf({ validFromDate, validToDate }: X509Certificate): CertificateLife {
  const endsAtMs = validToDate.getTime();
  return { endsAtMs, lifetimeMs: endsAtMs - validFromDate.getTime() };
}

/** Whether a certificate should be renewed now: two thirds of its life have passed, or it has expired. */
export function isDue({ endsAtMs, lifetimeMs }: CertificateLife): boolean {
  return endsAtMs - Date.now() <= Math.min(lifetimeMs * RENEWAL_PART, RENEWAL_MAX_MS);
}

/** Whether a certificate is of no use any more. */
export function hasExpired({ endsAtMs }: CertificateLife): boolean {
  return endsAtMs < Date.now();
}

/** The first to end; undefined without a certificate. */
export function firstToEnd(lives: readonly CertificateLife[]): CertificateLife | undefined {
  return lives.toSorted((a, b) => a.endsAtMs - b.endsAtMs)[0];
}

/** The last to end; undefined without a certificate. */
export function lastToEnd(lives: readonly CertificateLife[]): CertificateLife | undefined {
  return lives.toSorted((a, b) => b.endsAtMs - a.endsAtMs)[0];
}

/**
 * The certificates in a text with PEM, without damaged ones.
 * @throws if the text has certificates, and none of them can be read
 */
export function certificatesIn(text: string): readonly X509Certificate[] {
  const found: X509Certificate[] = [];
  let failure: unknown;
  for (const pem of pemCertificates(text)) {
    try {
      found.push(new X509Certificate(pem));
    } catch (error) {
      failure = error;
    }
  }
  if (found.length === 0 && failure !== undefined) throw failure;
  return found;
}

/** Whether the key of a CA signed the certificate. */
export function isSignedBy(certificate: X509Certificate, authority: X509Certificate): boolean {
  try {
    return certificate.checkIssued(authority) && certificate.verify(authority.publicKey);
  } catch {
    // A key of another kind.
    return false;
  }
}
