/** Reads the certificates of a process for metrics. */
import { getLogger } from "@logtape/logtape";
import { type CertificateLife, firstToEnd } from "../shared/certificates.ts";
import type { Source } from "../telemetry/metrics/open.ts";
import type { CertificateUse } from "./certificates.ts";

const logger = getLogger(["invoked", "telemetry"]);

/** How old a reading of a file may be. */
const FILE_MAX_AGE_MS = 10_000;
/** How old the certificate of another server may be: each reading opens a connection to that server. */
const PEER_MAX_AGE_MS = 10 * 60_000;

/**
 * The source of the metrics about certificates. A collection returns the last readings and waits for none, so a server
 * that does not answer delays no collection. After the start, and after a failure, the metrics of a certificate are
 * absent.
 */
export function certificateSource(uses: readonly CertificateUse[]): Source {
  const readings = uses.map((use) => new Reading(use));
  return {
    name: "the certificates",
    read(observe) {
      const kinds = new Map<CertificateUse["kind"], CertificateLife[]>();
      for (const reading of readings) {
        const { use: { kind }, life } = reading;
        reading.refresh();
        if (life !== undefined) kinds.set(kind, [...kinds.get(kind) ?? [], life]);
      }
      for (const [kind, lives] of kinds) {
        const first = firstToEnd(lives);
        if (first === undefined) continue;
        const labels = { "invoked.certificate": kind };
        const leftMs = first.endsAtMs - Date.now();
        observe("invoked.certificate.time_left", leftMs / 1000, labels);
        observe("invoked.certificate.lifetime", first.lifetimeMs / 1000, labels);
      }
    },
  };
}

/** What is known of one use. */
class Reading {
  /** Undefined if the last reading failed. */
  life: CertificateLife | undefined;
  #dueAt = -Infinity;

  constructor(readonly use: CertificateUse) {}

  /** Reads the certificate again if the last reading is too old. Never throws. */
  refresh(): void {
    const { use: { isPeer, name, read } } = this;
    const now = performance.now();
    if (now < this.#dueAt) return;
    this.#dueAt = now + (isPeer ? PEER_MAX_AGE_MS : FILE_MAX_AGE_MS);
    read().then((life) => this.life = life, (error) => {
      this.life = undefined;
      logger.debug("Failed to read the {name} for metrics: {error}", { name, error });
    });
  }
}
