import type { JobPorts, NotBegun } from "../../engine/contract.ts";

/**
 * The worker that the record of a run names; null for a run in the process of its node. A worker is recorded once,
 * however often it is asked, and gets no job before the write was answered.
 */
export class RecordedWorker {
  #last:
    | { readonly worker: string | null; readonly answer: Promise<NotBegun | undefined> }
    | undefined;

  /** @param worker that the record names from its start */
  constructor(private readonly onAssigned: JobPorts["onAssigned"], worker: string | null) {
    this.#last = { worker, answer: Promise.resolve(undefined) };
  }

  /** The ports of the run, which record another worker than the last one. */
  portsOf(ports: JobPorts): JobPorts {
    const onAssigned = this.onAssigned;
    if (onAssigned === undefined) return ports;
    return { ...ports, onAssigned: (worker) => this.#assign(worker, onAssigned) };
  }

  /** The next worker is recorded even if it is the last one. Invariant: each further slot begins with a write. */
  forget(): void {
    this.#last = undefined;
  }

  #assign(
    worker: string | null,
    onAssigned: NonNullable<JobPorts["onAssigned"]>,
  ): Promise<NotBegun | undefined> {
    if (this.#last?.worker === worker) return this.#last.answer;
    const last = this.#last = { worker, answer: onAssigned(worker) };
    last.answer.catch(() => {
      if (this.#last === last) this.#last = undefined;
    });
    return last.answer;
  }
}
