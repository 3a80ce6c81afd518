import { getLogger } from "@logtape/logtape";
import { Sema } from "async-sema";
import type { LoadReporter } from "../../engine/load_reporter.ts";
import { encodeLoadMessage, readLoadRequest } from "../link/load_messages.ts";
import type { SealKey } from "../link/sealing.ts";
import type { Nats } from "../nats/connection.ts";
import { subjects } from "../nats/subjects.ts";
import type { ObjectArtifacts } from "./object_artifacts.ts";

const logger = getLogger(["invoked", "cluster"]);

/** Requests that wait for the script before them; API nodes ask for one script after another. */
const WAITING_MAX = 16;

interface LoadingParts {
  readonly nats: Nats;
  readonly key: SealKey;
  readonly reporter: LoadReporter;
  readonly artifacts: ObjectArtifacts;
}

/** Loads scripts for the reports of API nodes, one after another. Disposing it ends the running one without a reply. */
export class Loading implements Disposable {
  readonly #turns = new Sema(1);
  readonly #stopping = new AbortController();

  constructor(private readonly parts: LoadingParts) {}

  /** Takes a sealed request. An API node without an answer asks again. */
  async receive(sealed: Uint8Array): Promise<void> {
    if (this.#turns.nrWaiting() >= WAITING_MAX) return;
    await this.#turns.acquire();
    try {
      if (!this.#stopping.signal.aborted) await this.#report(sealed);
    } catch (error) {
      logger.warn("Failed to load a script for a report: {error}", { error });
    } finally {
      this.#turns.release();
    }
  }

  [Symbol.dispose](): void {
    this.#stopping.abort();
  }

  async #report(sealed: Uint8Array): Promise<void> {
    const { nats, key, reporter, artifacts } = this.parts;
    const { signal } = this.#stopping;
    const opened = await key.open({ kind: "load", worker: nats.id }, sealed);
    const { node, id, keys, ...request } = readLoadRequest(opened);
    using _unlocked = artifacts.unlock(keys);
    const answer = await reporter.report(request, signal);
    if (signal.aborted) return;
    const reply = answer.kind === "reported" ? { report: answer.report } : {};
    nats.publish(subjects.report(nats.id, node, id), encodeLoadMessage(reply));
  }
}
