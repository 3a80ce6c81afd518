/** Where the server's TLS certificate comes from, and how it is renewed. */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { getLogger } from "@logtape/logtape";
import { pemCertificates } from "../../shared/certificates.ts";
import type { TlsIdentity } from "../server.ts";

const logger = getLogger(["invoked", "http"]);

/** How often the certificate is read again. */
const RELOAD_INTERVAL_MS = 60 * 60 * 1000;

const PEM_BEGIN = /-----BEGIN CERTIFICATE-----/g;

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

/** The certificate in use. It is loaded again at an interval, and on demand. */
export class CurrentCertificate implements Disposable {
  #source: TlsSource;
  #identity: TlsIdentity;
  #renew: (identity: TlsIdentity) => void = () => {};
  #timer: ReturnType<typeof setInterval> | undefined;
  /** One load at a time, so that an earlier load never replaces the result of a later one. */
  #last: Promise<unknown> = Promise.resolve();

  private constructor(source: TlsSource, identity: TlsIdentity) {
    this.#source = source;
    this.#identity = identity;
  }

  /** @throws if the certificate cannot be used; the message says why */
  static async load(source: TlsSource): Promise<CurrentCertificate> {
    return new CurrentCertificate(source, await source.load());
  }

  get identity(): TlsIdentity {
    return this.#identity;
  }

  /** Loads the certificate at an interval from now on. @param renew uses another certificate for new connections */
  keepFresh(renew: (identity: TlsIdentity) => void): this {
    this.#renew = renew;
    this.#timer = setInterval(() => this.reload().catch(() => {}), RELOAD_INTERVAL_MS);
    return this;
  }

  /**
   * Loads the certificate again. After a failure, which is logged, the old certificate and its source stay in use.
   * @param source another source
   */
  async reload(source?: TlsSource): Promise<void> {
    const load = this.#last.then(() => this.#load(source ?? this.#source));
    this.#last = load.catch((error) => {
      logger.error(
        "Failed to renew the TLS certificate; the old certificate stays in use: {reason}",
        { reason: error instanceof Error ? error.message : String(error) },
      );
    });
    await load;
  }

  async #load(source: TlsSource): Promise<void> {
    const identity = await source.load();
    const { cert, key } = this.#identity;
    if (identity.cert !== cert || identity.key !== key) {
      this.#renew(identity);
      this.#identity = identity;
      logger.info("a renewed TLS certificate is in use");
    }
    this.#source = source;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
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
  checkChain(cert, certFile);
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

/** A file that is still being written ends within a certificate. The runtime would reject it at each handshake only. */
function checkChain(cert: string, certFile: string): void {
  const blocks = pemCertificates(cert);
  const isWhole = blocks.length === (cert.match(PEM_BEGIN) ?? []).length;
  for (const [index, block] of blocks.entries()) {
    try {
      new X509Certificate(block);
    } catch {
      throw new TlsError(`certificate ${index + 1} of ${certFile} is damaged`);
    }
  }
  if (!isWhole) throw new TlsError(`${certFile} ends within certificate ${blocks.length + 1}`);
}

function parsed<T>(parse: () => T, path: string, what: string): T {
  try {
    return parse();
  } catch {
    throw new TlsError(`${path} does not begin with a PEM ${what}`);
  }
}
