/** Fields of requests: which of them count when a replay looks for a request, and which have a time of the clock. */
import type { RecordedRequest } from "./format.ts";
import { PATTERN_NAMES_MAX } from "./field_tree.ts";
import { ANY, type MaskRules } from "./mask_rules.ts";
import { mapPath } from "./requests.ts";

/** Characters of the name of a field that rules see. */
const NAME_CHARS_MAX = 100;

/** A time as C1 writes it. */
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z$/;
const TIMES = new RegExp(`(?<=")${TIME.source.slice(1, -1)}(?=")`, "g");

/** Whether a text is a time as C1 writes it. */
export function isTime(text: string): boolean {
  return TIME.test(text);
}

/** The path of a field in an object, without names far above it. */
export function fieldPath(above: readonly string[], name: string): readonly string[] {
  return [...above, name.slice(0, NAME_CHARS_MAX)].slice(-PATTERN_NAMES_MAX);
}

/** A request in which all values of the fields that do not count are the same. */
export function withoutAny(request: RecordedRequest, rules: MaskRules): RecordedRequest {
  return mapFields(request, (path, value) => rules.ignores(path) ? ANY : value);
}

/** Finds times in requests that come from the clock: the request of a replay has another time. */
export class ClockTimes {
  readonly #beganMs = Date.now();
  /** Times of answers, in milliseconds since 1970: a replay has the same. */
  readonly #answered = new Set<number>();

  /** Notes the times of an answer. @param body JSON */
  note(body: string): void {
    for (const [time] of body.matchAll(TIMES)) this.#answered.add(Date.parse(time));
  }

  /** The fields of a request with such a time, joined by dots. */
  in(request: RecordedRequest): ReadonlySet<string> {
    const fields = new Set<string>();
    mapFields(request, (path, value) => {
      if (typeof value === "string" && this.#isOfClock(value)) fields.add(path.join("."));
      return value;
    });
    return fields;
  }

  /**
   * A time that the code contains is a whole second, long ago or ahead. A time that the code computes from the clock has
   * milliseconds, or lies within the run.
   */
  #isOfClock(text: string): boolean {
    if (!isTime(text)) return false;
    const ms = Date.parse(text);
    if (this.#answered.has(ms)) return false;
    const isWithinRun = ms > this.#beganMs - 1_000 && ms <= Date.now();
    return isWithinRun || ms % 1_000 !== 0;
  }
}

type Change = (path: readonly string[], value: unknown) => unknown;

/** A request with each parameter and each field of its body changed. Items of a list have the field of their list. */
function mapFields({ body, path, ...others }: RecordedRequest, change: Change): RecordedRequest {
  return {
    ...others,
    path: mapPath(path, {
      segment: (text) => text,
      parameter: (name, text) => `${change([name], text)}`,
    }),
    ...body === undefined ? {} : { body: mapBody(body, [], change) },
  };
}

function mapBody(value: unknown, path: readonly string[], change: Change): unknown {
  const changed = path.length === 0 ? value : change(path, value);
  if (changed !== value || typeof value !== "object" || value === null) return changed;
  if (Array.isArray(value)) return value.map((item) => mapBody(item, path, change));
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [
      name,
      mapBody(inner, fieldPath(path, name), change),
    ]),
  );
}
