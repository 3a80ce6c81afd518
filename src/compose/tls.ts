import { join } from "node:path";
import type { Config } from "../config/mod.ts";
import { selfSignedSource } from "../http/tls/self_signed.ts";
import { filesSource, type TlsSource } from "../http/tls/source.ts";

/** Where the server's certificate comes from. */
export interface Tls {
  readonly source: TlsSource;
  /** Certificate of the local CA that clients must trust; undefined for a certificate of the operator. */
  readonly caFile: string | undefined;
}

/** The source of the certificate; undefined for plain HTTP. */
export async function openTls({ server, tls }: Config): Promise<Tls | undefined> {
  if (tls.selfSigned) {
    const hosts = [server.host, ...server.publicUrl === undefined ? [] : [server.publicUrl]]
      .map((host) => host.includes("//") ? new URL(host).hostname.replace(/^\[|\]$/g, "") : host)
      .filter((host) => host !== "0.0.0.0" && host !== "::");
    const source = await selfSignedSource(join(server.dataDir, "tls"), hosts);
    return { source, caFile: source.caFile };
  }
  const { certFile, keyFile } = tls;
  if (certFile === undefined || keyFile === undefined) return undefined;
  return { source: filesSource(certFile, keyFile), caFile: undefined };
}
