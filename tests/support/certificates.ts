/** The certificate of loopback that all servers of a run share, and certificates that end at a time. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { selfSignedSource } from "../../src/http/tls/self_signed.ts";
import { filledOnce } from "./once.ts";

export const DAY_MS = 24 * 60 * 60 * 1000;

/** Files in PEM. */
export interface CertificateFiles {
  /** The CA, which clients trust. */
  readonly caFile: string;
  readonly certFile: string;
  readonly keyFile: string;
}

/** The certificate for `localhost` and `127.0.0.1`; made once in a run. */
export async function loopbackCertificate(): Promise<CertificateFiles> {
  return filesIn(await filledOnce("certificate", (directory) => issue(directory, [])));
}

/** Makes a certificate for addresses, which may be those of other hosts. */
export async function certificateFor(
  directory: string,
  addresses: readonly string[],
): Promise<CertificateFiles> {
  await issue(directory, addresses);
  return filesIn(directory);
}

async function issue(directory: string, addresses: readonly string[]): Promise<void> {
  await (await selfSignedSource(directory, addresses)).load();
}

function filesIn(directory: string): CertificateFiles {
  const [caFile = "", certFile = "", keyFile = ""] = ["ca.pem", "server.pem", "server.key"]
    .map((name) => join(directory, name));
  return { caFile, certFile, keyFile };
}

/** A name in the certificates of {@link certificateUntil}, which a renewed certificate keeps. */
export const KEPT_NAME = "kept.example";

/**
 * Makes a self-signed certificate for 127.0.0.1 that ends at a time, in milliseconds since 1970.
 * @returns the path of it and its key without suffix
 */
export async function certificateUntil(
  path: string,
  end: number,
  lifetimeMs = 90 * DAY_MS,
): Promise<string> {
  const time = (ms: number) => `${new Date(ms).toISOString().replace(/[-:T]|\.\d+/g, "")}`;
  const { success, stderr } = await new Deno.Command("openssl", {
    args: [
      ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"],
      ...["-keyout", `${path}.key`, "-out", `${path}.pem`, "-subj", "/CN=test"],
      ...["-addext", `subjectAltName=IP:127.0.0.1,DNS:${KEPT_NAME}`],
      ...["-not_before", time(end - lifetimeMs), "-not_after", time(end)],
    ],
  }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
  return path;
}
