/** Reads the certificates of a process for metrics. */
import { getLogger } from "@logtape/logtape";
import { type CertificateLife, firstToEnd } from "../shared/certificates.ts";
import type { Source } from "../telemetry/metrics/open.ts";
import type { CertificateUse } from "./certificates.ts";

const logger = getLogger(["invoked", "telemetry"]);

/** When certificates are read again. */
interface Ages {
  /** How old a reading of a file may be. */
  readonly fileMs: number;
  /** How old the certificate of another server may be: each reading opens a connection to that server. */
  readonly peerMs: number;
  /** The pause after a reading that failed, unless the others are shorter. */
  readonly failureMs: number;
}

const AGES: Ages = { fileMs: 10_000, peerMs: 10 * 60_000, failureMs: 60_000 };

/**
 * The source of the metrics about certificates. A collection returns the last readings and waits for none, so a server
 * that does not answer delays no collection. A certificate that cannot be read any more keeps its last metrics. Metrics
 * are absent until the certificate was read once.
 */
export function certificateSource(
  uses: readonly CertificateUse[],
  ages: Ages = AGES,
): Source {
  const readings = uses.map((use) => new Reading(use, ages));
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
  /** Of the last reading that succeeded. */
  life: CertificateLife | undefined;
  #dueAt = -Infinity;
  #isReading = false;
  #hasFailed = false;

  constructor(readonly use: CertificateUse, private readonly ages: Ages) {}

  /** Begins to read the certificate again if the last reading is too old. Never throws. */
  refresh(): void {
    if (this.#isReading || performance.now() < this.#dueAt) return;
    this.#isReading = true;
    this.#read().finally(() => this.#isReading = false);
  }

  async #read(): Promise<void> {
    const { use: { isPeer, name, read }, ages } = this;
    const maxAgeMs = isPeer ? ages.peerMs : ages.fileMs;
    try {
      const life = await read();
      if (life === undefined) throw new Error("no certificate in PEM");
      this.life = life;
      this.#hasFailed = false;
      this.#dueAt = performance.now() + maxAgeMs;
    } catch (error) {
      this.#dueAt = performance.now() + Math.min(maxAgeMs, ages.failureMs);
      if (this.#hasFailed) return;
      this.#hasFailed = true;
      logger.warn(
        "Failed to read the {name}; its metrics keep their earlier values: {error}",
        { name, error },
      );
    }
  }
}
