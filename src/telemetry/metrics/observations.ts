/** What is read from its owners when metrics are collected. */
import { getLogger } from "@logtape/logtape";
import type { BatchObservableResult, Meter } from "@opentelemetry/api";
import type { NamedFunction } from "../contract.ts";
import type { Instruments, ObservedName } from "./instruments.ts";
import type { FunctionLabels, Labels } from "./series.ts";

const logger = getLogger(["invoked", "telemetry"]);

/** Notes the value of one series of this collection. A series that is not noted is absent. */
type Observe = (name: ObservedName, value: number, labels?: Labels) => void;

/** Reads the values of a few metrics. A source that fails or takes too long leaves its metrics out of this collection. */
export interface Source {
  /** For the log. */
  readonly name: string;
  read(observe: Observe): void | Promise<void>;
}

/** Values of functions, of which several may share labels. */
export class FunctionValues {
  readonly #values = new Map<Labels, number>();

  constructor(private readonly functions: FunctionLabels) {}

  add(fn: NamedFunction, value: number): void {
    const labels = this.functions.of(fn);
    this.#values.set(labels, (this.#values.get(labels) ?? 0) + value);
  }

  observe(observe: Observe, name: ObservedName): void {
    for (const [labels, value] of this.#values) observe(name, value, labels);
  }
}

/** Reads the sources at each collection from now on. */
export function observeSources(
  meter: Meter,
  { observed }: Pick<Instruments, "observed">,
  sources: readonly Source[],
): void {
  const instruments = Object.values(observed);
  for (const { name, read } of sources) {
    meter.addBatchObservableCallback(async (result: BatchObservableResult) => {
      try {
        await read((metric, value, labels = {}) => result.observe(observed[metric], value, labels));
      } catch (error) {
        logger.debug("metrics of {name} are missing: {error}", { name, error });
      }
    }, instruments);
  }
}
