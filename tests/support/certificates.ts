/** The certificate of loopback that all servers of a run share. */
import { join } from "node:path";
import { selfSignedSource } from "../../src/http/tls/self_signed.ts";
import { filledOnce } from "./once.ts";

/** Files in PEM. */
export interface CertificateFiles {
  /** The CA, which clients trust. */
  readonly caFile: string;
  readonly certFile: string;
  readonly keyFile: string;
}

/** The certificate for `localhost` and `127.0.0.1`; made once in a run. */
export async function loopbackCertificate(): Promise<CertificateFiles> {
  const directory = await filledOnce("certificate", async (directory) => {
    await (await selfSignedSource(directory, [])).load();
  });
  const [caFile = "", certFile = "", keyFile = ""] = ["ca.pem", "server.pem", "server.key"]
    .map((name) => join(directory, name));
  return { caFile, certFile, keyFile };
}
