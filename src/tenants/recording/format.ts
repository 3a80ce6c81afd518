/**
 * The files of a recording: one for each operation, such as `user.list.json`, so that a review sees what changed. Equal
 * requests are one entry with their answers in order. Entries are sorted by their request, not by time, so a recording
 * of concurrent calls is the same each time.
 */
import { z } from "zod";
import {
  countOf,
  exceeds,
  formatBytes,
  formatCount,
  VIOLATION_OPTIONS,
  violationOf,
} from "../../config/mod.ts";
import { excessOf } from "../../shared/json_text.ts";
import { otherWork } from "../../shared/pause.ts";
import { TENANT_ANSWER_VALUES_MAX } from "../answer_json.ts";
import type { OperationName } from "../contract.ts";
import { findOperation } from "../operation_table.ts";
import { ValueSteps } from "../steps.ts";
import { MASKING_FILE } from "./mask_rules.ts";
import { RecordingError } from "./recording_error.ts";
import { pathViolation, requestKey } from "./requests.ts";

/** Most files of a recording; C1 has fewer operations. */
const RECORDING_FILES_MAX = 1000;
/** Most bytes of all files of a recording. */
export const RECORDING_BYTES_MAX = 64 * 1024 * 1024;
/** Most entries of a file. */
const ENTRIES_MAX = 10_000;
/** Most values of a file: entries of lists and fields of objects, at all levels. */
export const FILE_VALUES_MAX = 1_000_000;
/** Most brackets in each other. */
const LEVELS_MAX = 200;

const FORMAT = 1;
const NAME = /^([a-z][A-Za-z0-9]*)\.([a-z][A-Za-z0-9]*)\.json$/;
const VERBS = ["GET", "POST", "PUT", "PATCH", "DELETE"] as const;

/** Any JSON that a tenant could have answered, or a function sent. */
const body = z.unknown().optional().superRefine((body, context) => {
  if (valuesOf(body, TENANT_ANSWER_VALUES_MAX) <= TENANT_ANSWER_VALUES_MAX) return;
  const limit = formatCount(TENANT_ANSWER_VALUES_MAX);
  const message = `must have at most ${limit} values, as answers of a tenant`;
  context.addIssue({ code: "custom", message });
});

const answer = z.strictObject({
  status: z.int().min(200).max(599),
  /** Absent for an answer without a body. */
  body,
});

const entry = z.strictObject({
  request: z.strictObject({
    verb: z.enum(VERBS),
    /** Path and query, encoded. */
    path: z.string().superRefine((path, context) => {
      const message = pathViolation(path);
      if (message !== undefined) context.addIssue({ code: "custom", message });
    }),
    /** Absent for a request without a body. */
    body,
  }),
  // The lengths of lists are checked before what they have.
  answers: z.array(z.unknown()).min(1).max(ENTRIES_MAX).pipe(z.array(answer)),
});

const file = z.strictObject({
  format: z.literal(FORMAT),
  entries: z.array(z.unknown()).max(ENTRIES_MAX),
});

/** A request and its answers, in the order in which they came. */
export type Entry = z.output<typeof entry>;
export type RecordedRequest = Entry["request"];
export type RecordedAnswer = Entry["answers"][number];

/** The entries of each operation, such as `user.list`. */
export type Recording = ReadonlyMap<string, readonly Entry[]>;

/**
 * Checks that a JSON file is part of a recording. Only such a file may be removed or replaced by another recording.
 * @throws {RecordingError} for a file with the name of no operation of C1, or of another form
 */
export function assertRecordingFile(name: string, text: string): void {
  const { namespace, method } = operationOf(name);
  if (findOperation(namespace, method) === undefined) {
    throw new RecordingError(name, "", "is named as no operation of C1");
  }
  for (const _ of entriesOf(name, text));
}

/** The text of each file of a recording, by name, in their order. */
export function recordingFiles(recording: Recording): ReadonlyMap<string, string> {
  return new Map(
    [...recording].toSorted(([a], [b]) => a < b ? -1 : 1).map(([operation, entries]) => [
      `${operation}.json`,
      `${JSON.stringify({ format: FORMAT, entries }, null, 2)}\n`,
    ]),
  );
}

/**
 * Reads the files of a recording, which may come from anybody. The server does other work between two files, and
 * between many values.
 * @param files the text of each file of its folder, by name; those of other forms are ignored unless they are JSON
 * @throws {RecordingError} for a file with another name or form, too many or too long files, and without any file
 */
export async function readRecording(files: ReadonlyMap<string, string>): Promise<Recording> {
  const own = [...files].filter(([name]) => name.endsWith(".json") && name !== MASKING_FILE);
  if (own.length === 0) throw new RecordingError("*.json", "", "the folder has no recording");
  if (own.length > RECORDING_FILES_MAX) {
    const violation = exceeds(own.length, RECORDING_FILES_MAX, (count) => countOf(count, "file"));
    throw new RecordingError("*.json", "", violation);
  }
  let bytes = 0;
  const recording = new Map<string, readonly Entry[]>();
  for (const [name, text] of own) {
    bytes += text.length;
    assertRecordingSize(name, bytes);
    const { namespace, method } = operationOf(name);
    const entries: Entry[] = [];
    recording.set(`${namespace}.${method}`, entries);
    const steps = new ValueSteps();
    for (const [entry, values] of entriesOf(name, text)) {
      entries.push(entry);
      await steps.next(values);
    }
    await otherWork();
  }
  return recording;
}

/** The operation of a file. @throws {RecordingError} for another name */
function operationOf(name: string): OperationName {
  const [, namespace, method] = NAME.exec(name) ?? [];
  if (namespace !== undefined && method !== undefined) return { namespace, method };
  throw new RecordingError(name, "", "is not named as an operation, such as user.list.json");
}

/**
 * @param bytes of all files so far, this one included
 * @throws {RecordingError} if a recording may not be as large
 */
export function assertRecordingSize(name: string, bytes: number): void {
  if (bytes <= RECORDING_BYTES_MAX) return;
  const violation = exceeds(bytes, RECORDING_BYTES_MAX, formatBytes);
  throw new RecordingError(name, "", `all files of a recording together ${violation}`);
}

/** The entries of a file, each with how many values it has: to read many is long work. @throws {RecordingError} */
function* entriesOf(name: string, text: string): Generator<readonly [Entry, values: number]> {
  const { entries } = checked(name, [], file, jsonOf(name, text));
  const seen = new Map<string, number>();
  for (const [at, json] of entries.entries()) {
    const read = checked(name, ["entries", at], entry, json);
    // Equal requests are one entry, so that their answers have an order.
    const key = requestKey(read.request);
    const first = seen.get(key);
    if (first !== undefined) {
      const violation = `repeats entries.${first}; add its answers there`;
      throw new RecordingError(name, `entries.${at}.request`, violation);
    }
    seen.set(key, at);
    yield [read, valuesOf(read, FILE_VALUES_MAX)];
  }
}

function jsonOf(name: string, text: string): unknown {
  const limits = { levels: LEVELS_MAX, values: FILE_VALUES_MAX };
  const excess = excessOf(new TextEncoder().encode(text), limits);
  if (excess === "levels") {
    throw new RecordingError(name, "", `must have at most ${LEVELS_MAX} levels of brackets`);
  }
  if (excess === "values") {
    throw new RecordingError(name, "", `must have at most ${formatCount(FILE_VALUES_MAX)} values`);
  }
  try {
    return JSON.parse(text);
  } catch {
    throw new RecordingError(name, "", "is not JSON");
  }
}

/** @param path of the value in its file */
function checked<Schema extends z.ZodType>(
  name: string,
  path: readonly PropertyKey[],
  schema: Schema,
  value: unknown,
): z.output<Schema> {
  const parsed = schema.safeParse(value, VIOLATION_OPTIONS);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new RecordingError(
    name,
    [...path, ...issue?.path ?? []].join("."),
    issue === undefined ? "is not valid" : violationOf(issue),
  );
}

/**
 * How many entries of lists and fields of objects a JSON value has at all levels, as `excessOf` counts them in its text.
 * @param max the count ends above it
 */
export function valuesOf(json: unknown, max: number): number {
  let count = 0;
  const open = [json];
  while (open.length > 0 && count <= max) {
    const value = open.pop();
    if (typeof value !== "object" || value === null) continue;
    const inner = Array.isArray(value) ? value : Object.values(value);
    count += Math.max(1, inner.length);
    if (count > max) break;
    for (const each of inner) if (typeof each === "object") open.push(each);
  }
  return count;
}
