import { join } from "node:path";
import type { Config } from "../config/mod.ts";
import { selfSignedCa, selfSignedSource } from "../http/tls/self_signed.ts";
import { CurrentCertificate, filesSource, type TlsSource } from "../http/tls/source.ts";

/** The server's certificate. */
export interface Tls {
  readonly certificate: CurrentCertificate;
  /** Certificate of the local CA that clients must trust; undefined for a certificate of the operator. */
  readonly caFile: string | undefined;
}

/** The CA of `--tls-self-signed`; a server without it makes one when it starts. */
export function selfSignedCaFile(dataDir: string): string {
  return selfSignedCa(selfSignedDirectory(dataDir));
}

function selfSignedDirectory(dataDir: string): string {
  return join(dataDir, "tls");
}

/** Loads the certificate; undefined for plain HTTP. */
export async function openTls({ server, tls }: Config): Promise<Tls | undefined> {
  if (tls.selfSigned) {
    const hosts = [server.host, ...server.publicUrl === undefined ? [] : [server.publicUrl]]
      .map((host) => host.includes("//") ? new URL(host).hostname.replace(/^\[|\]$/g, "") : host)
      .filter((host) => host !== "0.0.0.0" && host !== "::");
    const source = await selfSignedSource(selfSignedDirectory(server.dataDir), hosts);
    return { certificate: await CurrentCertificate.load(source), caFile: source.caFile };
  }
  const source = operatorSource(tls);
  if (source === undefined) return undefined;
  return { certificate: await CurrentCertificate.load(source), caFile: undefined };
}

/**
 * Loads the certificate again, from the files that the configuration names now.
 * @param tls undefined to load the certificate from its current source
 * @returns whether the configuration is in force; a server starts or stops serving HTTPS only by a restart
 * @throws if the certificate cannot be used; the old one then stays in use
 */
export async function reloadTls(
  current: Tls | undefined,
  tls: Config["tls"] | undefined,
): Promise<boolean> {
  if (tls === undefined) {
    await current?.certificate.reload();
    return true;
  }
  const source = operatorSource(tls);
  const isOperators = current !== undefined && current.caFile === undefined;
  if (isOperators !== (source !== undefined)) return false;
  await current?.certificate.reload(source);
  return true;
}

/** @throws if the certificate of the operator cannot be used */
export async function checkTls({ tls }: Config): Promise<void> {
  await operatorSource(tls)?.load();
}

/** The certificate of the operator; undefined without one. */
function operatorSource({ certFile, keyFile }: Config["tls"]): TlsSource | undefined {
  return certFile === undefined || keyFile === undefined
    ? undefined
    : filesSource(certFile, keyFile);
}
