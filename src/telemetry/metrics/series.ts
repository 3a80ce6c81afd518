/** The label values of series: bounded in number, and interned for reports of the hot path. */
import type { Attributes } from "@opentelemetry/api";
import type { NamedFunction } from "../contract.ts";
import { nameOf } from "../conventions.ts";
import { FUNCTIONS_MAX } from "./bounds.ts";
import type { Label } from "./labels.ts";

/** The label values of one series. */
export type Labels = Partial<Record<Label, string | number>>;

const OTHER = "other";

/** The attribute that identifies an interned series, in place of its labels. */
const INTERNED = "series";

/**
 * Label values behind one short attribute. OpenTelemetry's SDK serializes all attributes at each report, which costs more
 * than the rest of the report; one short attribute keeps this under a third of a microsecond.
 */
export class InternedSeries {
  readonly #labels: Labels[] = [];

  /** The attributes to report the series of these labels with. Call it once for each series. */
  intern(labels: Labels): Attributes {
    this.#labels.push(labels);
    return { [INTERNED]: String(this.#labels.length - 1) };
  }

  /** The labels of reported attributes. */
  labelsOf(attributes: Attributes): Attributes {
    const interned = attributes[INTERNED];
    return interned === undefined ? attributes : this.#labels[Number(interned)] as Attributes;
  }
}

/**
 * The labels of functions. The first functions that a process sees have labels of their own, which stay as they are: a
 * function that is renamed over and over makes no further series.
 */
export class FunctionLabels {
  readonly #known = new Map<string, Labels>();
  readonly #other: Labels = { "faas.name": OTHER, "invoked.function.id": OTHER };

  of({ id, displayName }: NamedFunction): Labels {
    const known = this.#known.get(id);
    if (known !== undefined) return known;
    if (this.#known.size >= FUNCTIONS_MAX) return this.#other;
    const labels = { "faas.name": nameOf(displayName), "invoked.function.id": id };
    this.#known.set(id, labels);
    return labels;
  }

  /** Whether the labels of the function are decided without its name. */
  has(id: string): boolean {
    return this.#known.has(id) || this.#known.size >= FUNCTIONS_MAX;
  }
}

/** A map of at most `max` entries; further keys share one. */
export class BoundedMap<Value> {
  readonly #values = new Map<string, Value>();
  #overflow: Value | undefined;

  /** @param makeShared of the value that further keys share */
  constructor(private readonly max: number, private readonly makeShared: () => Value) {}

  get(key: string, make: () => Value): Value {
    const known = this.#values.get(key);
    if (known !== undefined) return known;
    if (this.#values.size >= this.max) return this.#overflow ??= this.makeShared();
    const value = make();
    this.#values.set(key, value);
    return value;
  }
}
