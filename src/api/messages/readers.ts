/**
 * Readers of messages in protobuf's JSON mapping. They prepare a value, in place, for the schema that validates it: a
 * field has the name of the schema, whichever spelling it was sent in, and a field that is `null` is absent. They
 * bound the work of the validation, but check no values. The text of a body becomes such a value here, too.
 */
import { countOf, exceeds, formatCount, nearest } from "../../config/mod.ts";
import { DomainError, VIOLATIONS_MAX } from "../../domain/errors.ts";
import { excessOf } from "../../shared/json_text.ts";

/** Why a request is rejected before its values are validated. */
export interface Violation {
  /** Where the field is, from the outermost message inwards. */
  readonly path: (string | number)[];
  readonly description: string;
}

/** What the readers of one request have found. */
export interface Findings {
  /** At most {@link VIOLATIONS_MAX}. */
  readonly violations: Violation[];
  /** Entries of lists and maps. */
  entries: number;
}

/** Reads messages, lists and maps. Scalars, and JSON of any form, have no reader. */
export interface Reader {
  /**
   * @param depth levels above the value
   * @param found gets violations with paths from the value on
   * @throws BODY_NOT_JSON if the value nests too deeply
   */
  read(value: unknown, depth: number, found: Findings): void;
}

/** A field of a message. */
export interface Field {
  /** As the schema has it. */
  readonly name: string;
  /** The other spelling; undefined for a name that both spellings share. */
  readonly alias: string | undefined;
  /** Reads its value. */
  readonly reader: Reader | undefined;
}

/** What happens to fields that a message does not have: they are ignored, or violations under these names. */
export type UnknownFields = "ignored" | {
  readonly noun: "field" | "query parameter";
  /** What rejects them. */
  readonly of: "operation" | "setting";
  /** Names that are ignored all the same. */
  readonly ignored?: ReadonlySet<string>;
};

/** Characters of an unknown name that a violation repeats. */
const NAME_CHARS_MAX = 100;

/**
 * Entries that the lists and maps of one request have together: twice what the largest commit has. Validation takes
 * microseconds for each, and nothing else runs meanwhile.
 */
const ENTRIES_MAX = 20_000;

/** A message: an object with the fields of a schema. */
export class MessageReader implements Reader {
  readonly #bySpelling: ReadonlyMap<string, Field>;

  constructor(private readonly fields: readonly Field[], private readonly unknown: UnknownFields) {
    this.#bySpelling = new Map(
      fields.flatMap((field) => spellings(field).map((name) => [name, field] as const)),
    );
  }

  /** Whether the message has a field with this spelling. */
  has(spelling: string): boolean {
    return this.#bySpelling.has(spelling);
  }

  read(value: unknown, depth: number, found: Findings): void {
    if (!isObject(value)) return assertShallow(value, depth);
    for (const key of Object.keys(value)) {
      const field = this.#bySpelling.get(key);
      if (field !== undefined) readField(value, key, field, depth, found);
      else if (this.unknown === "ignored" || this.unknown.ignored?.has(key) === true) {
        assertShallow(value[key], depth + 1);
      } else this.#addUnknown(found, key.slice(0, NAME_CHARS_MAX), this.unknown);
    }
  }

  /** @param name cut to {@link NAME_CHARS_MAX} */
  #addUnknown(
    found: Findings,
    name: string,
    { noun, of }: Exclude<UnknownFields, "ignored">,
  ): void {
    if (found.violations.length === VIOLATIONS_MAX) return;
    const near = nearest(name, this.fields.flatMap(spellings));
    const names = this.fields.map((field) => field.name).join(", ");
    const next = near === undefined ? `it has ${names || "none"}` : `did you mean ${near}?`;
    addViolation(
      found,
      name,
      `is not a ${noun} of this ${of}, which rejects unknown ones; ${next}`,
    );
  }
}

/** A list. A `null` stays, and is no valid entry. */
export class ListReader implements Reader {
  constructor(private readonly entry: Reader | undefined) {}

  read(value: unknown, depth: number, found: Findings): void {
    if (!Array.isArray(value)) return assertShallow(value, depth);
    if (!countEntries(value.length, found)) return;
    for (const [at, entry] of value.entries()) {
      readMember(this.entry, entry, at, depth + 1, found);
    }
  }
}

/** A map: its keys are the caller's and stay as they are; an entry that is `null` is absent. */
export class MapReader implements Reader {
  constructor(private readonly entry: Reader | undefined) {}

  read(value: unknown, depth: number, found: Findings): void {
    if (!isObject(value)) return assertShallow(value, depth);
    const keys = Object.keys(value);
    if (!countEntries(keys.length, found)) return;
    for (const key of keys) {
      const entry = value[key];
      if (entry === null) delete value[key];
      else readMember(this.entry, entry, key, depth + 1, found);
    }
  }
}

/** The name of a field and its other spelling. */
function spellings({ name, alias }: Field): string[] {
  return alias === undefined ? [name] : [name, alias];
}

function readField(
  message: Record<string, unknown>,
  key: string,
  { name, alias, reader }: Field,
  depth: number,
  found: Findings,
): void {
  // A field that was sent twice stays in both spellings, so that the second spelling finds the first, even if the value
  // is null.
  if (alias !== undefined && Object.hasOwn(message, key === name ? alias : name)) {
    if (key === alias) addSentTwice(found, name, alias);
    return;
  }
  const value = message[key];
  if (value === null || key !== name) delete message[key];
  if (value === null) return;
  if (key !== name) message[name] = value;
  // Of a scalar there is nothing to read.
  if (typeof value === "object") readMember(reader, value, name, depth + 1, found);
}

/** Reads what a message, list or map holds at a key. */
function readMember(
  reader: Reader | undefined,
  value: unknown,
  key: string | number,
  depth: number,
  found: Findings,
): void {
  if (reader === undefined) return assertShallow(value, depth);
  const { violations } = found;
  const before = violations.length;
  reader.read(value, depth, found);
  for (let at = before; at < violations.length; at++) violations[at]?.path.unshift(key);
}

/** Adds a violation, unless there are as many as an error lists. @param name undefined for a violation of the value itself */
export function addViolation(
  { violations }: Findings,
  name: string | undefined,
  description: string,
): void {
  if (violations.length < VIOLATIONS_MAX) {
    violations.push({ path: name === undefined ? [] : [name], description });
  }
}

/** Adds the violation of a field in both spellings. */
export function addSentTwice(found: Findings, name: string, alias: string): void {
  addViolation(found, name, `was sent as ${name} and as ${alias}; send one of them`);
}

/** Whether a list or map fits into the request with what has been read before. */
function countEntries(count: number, found: Findings): boolean {
  found.entries += count;
  if (found.entries <= ENTRIES_MAX) return true;
  const limit = exceeds(
    found.entries,
    ENTRIES_MAX,
    (entries) => countOf(entries, "entry", "entries"),
  );
  addViolation(found, undefined, `${limit}, with the lists and maps before it`);
  return false;
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Values in the JSON of a request: a few for each of its {@link ENTRIES_MAX} entries. They are parsed in one step. */
const VALUES_MAX = 10 * ENTRIES_MAX;

/** Nested levels of the JSON of a request; no request of the API needs more than a few. */
const DEPTH_MAX = 100;

const decoder = new TextDecoder("utf-8", { fatal: true });

/** The JSON value of a body; `{}` for an empty body. @throws BODY_NOT_JSON */
export function parseJson(body: Uint8Array): unknown {
  if (body.length === 0) return {};
  if (excessOf(body, { levels: Infinity, values: VALUES_MAX }) !== undefined) {
    throw new DomainError(
      "BODY_NOT_JSON",
      `Request body has more than ${formatCount(VALUES_MAX)} values: fields and entries of lists`,
    );
  }
  try {
    return JSON.parse(decoder.decode(body));
  } catch (error) {
    const reason = error instanceof SyntaxError ? error.message : "the body is not UTF-8";
    throw new DomainError("BODY_NOT_JSON", `Request body is not JSON: ${reason}`);
  }
}

/**
 * Checks that a value does not nest too deeply.
 * @param depth levels above the value
 * @throws BODY_NOT_JSON if it exceeds {@link DEPTH_MAX}
 */
function assertShallow(value: unknown, depth: number): void {
  if (typeof value !== "object" || value === null) return;
  if (depth > DEPTH_MAX) {
    throw new DomainError(
      "BODY_NOT_JSON",
      `Request body nests too deeply: it exceeds the limit of ${DEPTH_MAX} levels`,
    );
  }
  for (const member of Object.values(value)) assertShallow(member, depth + 1);
}
