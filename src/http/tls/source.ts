/** Where the server's TLS certificate comes from, and how it is renewed. */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { getLogger } from "@logtape/logtape";
import type { TlsIdentity } from "../server.ts";

const logger = getLogger(["invoked", "http"]);

/** How often the certificate is read again. */
const RELOAD_INTERVAL_MS = 60 * 60 * 1000;

/** Reads, or makes, the certificate to use now. */
export interface TlsSource {
  load(): Promise<TlsIdentity>;
}

/** The certificate cannot be used; the message says why, for the operator. */
class TlsError extends Error {
  override name = "TlsError";
}

/** A certificate that the operator keeps in two PEM files. */
export function filesSource(certFile: string, keyFile: string): TlsSource {
  return {
    async load() {
      const [cert, key] = await Promise.all([read(certFile), read(keyFile)]);
      checkPair(cert, certFile, key, keyFile);
      return { cert, key };
    },
  };
}

/** Loads the certificate again at an interval, and passes it on when it has changed. */
export function keepFresh(
  source: TlsSource,
  first: TlsIdentity,
  renew: (identity: TlsIdentity) => void,
): Disposable {
  let current = first;
  const reload = async () => {
    try {
      const identity = await source.load();
      if (identity.cert === current.cert && identity.key === current.key) return;
      renew(identity);
      current = identity;
      logger.info("a renewed TLS certificate is in use");
    } catch (error) {
      logger.error(
        "Failed to renew the TLS certificate; the old certificate stays in use: {reason}",
        {
          reason: error instanceof Error ? error.message : String(error),
        },
      );
    }
  };
  const timer = setInterval(reload, RELOAD_INTERVAL_MS);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

async function read(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    throw new TlsError(`failed to read ${path}: ${error instanceof Error ? error.message : error}`);
  }
}

function checkPair(cert: string, certFile: string, key: string, keyFile: string): void {
  const certificate = parsed(() => new X509Certificate(cert), certFile, "certificate");
  const privateKey = parsed(() => createPrivateKey(key), keyFile, "unencrypted private key");
  if (!certificate.checkPrivateKey(privateKey)) {
    throw new TlsError(`${keyFile} is not the key of the certificate ${certFile}`);
  }
  if (certificate.validToDate.getTime() < Date.now()) {
    logger.warn("the TLS certificate {certFile} expired on {date}", {
      certFile,
      date: certificate.validTo,
    });
  }
}

function parsed<T>(parse: () => T, path: string, what: string): T {
  try {
    return parse();
  } catch {
    throw new TlsError(`${path} does not begin with a PEM ${what}`);
  }
}
