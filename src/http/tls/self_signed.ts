/** A certificate authority of the server's own, for SDKs that insist on https where no public one signs. */
import { X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import { join } from "node:path";
import { getLogger } from "@logtape/logtape";
import { isDue, lifeOf } from "../../shared/certificates.ts";
import { writePrivateFile } from "../../shared/files.ts";
import type { TlsIdentity } from "../server.ts";
import type { TlsSource } from "./source.ts";

const logger = getLogger(["invoked", "http"]);

const DAY_MS = 24 * 60 * 60 * 1000;
const AUTHORITY_LIFETIME_MS = 3650 * DAY_MS;
/** Clocks of clients may be behind. */
const BACKDATED_MS = DAY_MS;

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
/** Names under which a server on this machine is reached. */
const LOCAL_NAMES = ["localhost", "127.0.0.1", "::1"];

/** What a certificate of the local authority is for. */
export interface CertificateUse {
  /** Name of its file, without `.pem`. */
  readonly name: string;
  /** Whether its owner also connects to others with it, as a server of NATS does to its routes. */
  readonly isClientToo: boolean;
  /** At most the 398 days that some clients accept. */
  readonly lifetimeMs: number;
  /** Whether a renewed certificate keeps the names of the old certificate, so that nobody has to list the names again. */
  readonly keepsNames: boolean;
}

/** The certificate of this server itself, which renews it. */
const OWN_SERVER: CertificateUse = {
  name: "server",
  isClientToo: false,
  lifetimeMs: 90 * DAY_MS,
  keepsNames: false,
};

/** The source of certificates that the local authority signs. */
interface SelfSignedSource extends TlsSource {
  /** The authority's certificate, which clients must trust. */
  readonly caFile: string;
}

/**
 * Signs certificates with an authority that is made once and kept in `directory` (0700, keys 0600).
 * @param hosts names and addresses of the server beside those of this machine; IPv6 without brackets
 */
export async function selfSignedSource(
  directory: string,
  hosts: readonly string[],
  use: CertificateUse = OWN_SERVER,
): Promise<SelfSignedSource> {
  await Deno.mkdir(directory, { recursive: true, mode: 0o700 });
  const caFile = selfSignedCa(directory);
  const certFile = join(directory, `${use.name}.pem`);
  return {
    caFile,
    load: async () => {
      const kept = await readPair(certFile);
      const keptNames = use.keepsNames && kept !== undefined ? namesOf(kept.cert) : [];
      const names = [...new Set([...LOCAL_NAMES, ...hosts, ...keptNames])];
      const authority = await readPair(caFile);
      if (authority !== undefined && kept !== undefined && isGood(kept, authority, names)) {
        return kept;
      }
      const identity = await issue(authority ?? await makeAuthority(caFile), names, use);
      await writePair(certFile, identity);
      return identity;
    },
  };
}

/** The certificate of the authority in a directory. */
export function selfSignedCa(directory: string): string {
  return join(directory, "ca.pem");
}

/** The names and addresses of a certificate; none if it cannot be read. */
export function namesOf(cert: string): readonly string[] {
  try {
    const { subjectAltName = "" } = new X509Certificate(cert);
    return subjectAltName.split(", ").flatMap((name) =>
      /^(?:DNS|IP Address):(.+)$/.exec(name)?.[1] ?? []
    );
  } catch {
    return [];
  }
}

/** Certificate and key beside it, `x.pem` and `x.key`; undefined where one is missing. */
async function readPair(certFile: string): Promise<TlsIdentity | undefined> {
  try {
    return {
      cert: await Deno.readTextFile(certFile),
      key: await Deno.readTextFile(keyFileOf(certFile)),
    };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Key first: a certificate without its key is made again, a key without its certificate is overwritten. */
async function writePair(certFile: string, { cert, key }: TlsIdentity): Promise<void> {
  await writePrivateFile(keyFileOf(certFile), key);
  await writePrivateFile(certFile, cert);
}

function keyFileOf(certFile: string): string {
  return certFile.replace(/\.pem$/, ".key");
}

function isGood(kept: TlsIdentity, authority: TlsIdentity, names: readonly string[]): boolean {
  try {
    const certificate = new X509Certificate(kept.cert);
    return !isDue(lifeOf(certificate)) &&
      certificate.verify(new X509Certificate(authority.cert).publicKey) &&
      names.every((name) =>
        (isIP(name) === 0 ? certificate.checkHost(name) : certificate.checkIP(name)) !== undefined
      );
  } catch {
    return false;
  }
}

async function makeAuthority(caFile: string): Promise<TlsIdentity> {
  const x509 = await loadX509();
  const keys = await makeKeys();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    // The fingerprint in the name distinguishes the authorities of several servers.
    name: `CN=invoked local CA ${crypto.randomUUID().slice(0, 8)}`,
    keys,
    signingAlgorithm: ALGORITHM,
    ...validity(AUTHORITY_LIFETIME_MS),
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  const authority = {
    cert: pem(certificate.toString("pem")),
    key: await exportKey(keys.privateKey),
  };
  await writePair(caFile, authority);
  logger.info("made a local CA: {caFile}", { caFile });
  return authority;
}

async function issue(
  authority: TlsIdentity,
  names: readonly string[],
  { isClientToo, lifetimeMs }: CertificateUse,
): Promise<TlsIdentity> {
  const x509 = await loadX509();
  const keys = await makeKeys();
  const issuer = new x509.X509Certificate(authority.cert);
  const certificate = await x509.X509CertificateGenerator.create({
    subject: "CN=invoked",
    issuer: issuer.subject,
    publicKey: keys.publicKey,
    signingKey: await importKey(authority.key),
    signingAlgorithm: ALGORITHM,
    ...validity(lifetimeMs),
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([
        x509.ExtendedKeyUsage.serverAuth,
        ...isClientToo ? [x509.ExtendedKeyUsage.clientAuth] : [],
      ]),
      new x509.SubjectAlternativeNameExtension(
        names.map((value) => ({ type: isIP(value) === 0 ? "dns" as const : "ip" as const, value })),
      ),
      await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { cert: pem(certificate.toString("pem")), key: await exportKey(keys.privateKey) };
}

/** The library takes 20 ms to load and is needed every 60 days. */
async function loadX509() {
  // Its dependency injection needs these decorators.
  await import("reflect-metadata");
  return await import("@peculiar/x509");
}

function validity(lifetimeMs: number) {
  const now = Date.now();
  return { notBefore: new Date(now - BACKDATED_MS), notAfter: new Date(now + lifetimeMs) };
}

async function makeKeys(): Promise<CryptoKeyPair> {
  return await crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
}

async function exportKey(key: CryptoKey): Promise<string> {
  const der = new Uint8Array(await crypto.subtle.exportKey("pkcs8", key));
  const lines = der.toBase64().match(/.{1,64}/g) ?? [];
  return ["-----BEGIN PRIVATE KEY-----", ...lines, "-----END PRIVATE KEY-----", ""].join("\n");
}

async function importKey(key: string): Promise<CryptoKey> {
  const der = Uint8Array.fromBase64(key.replace(/-----[^-]+-----|\s/g, ""));
  return await crypto.subtle.importKey("pkcs8", der, ALGORITHM, false, ["sign"]);
}

function pem(text: string): string {
  return text.endsWith("\n") ? text : `${text}\n`;
}
