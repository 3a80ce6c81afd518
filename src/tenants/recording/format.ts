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
import { excessOf, nestsDeeper } from "../../shared/json_text.ts";
import { otherWork } from "../../shared/pause.ts";
import { TENANT_ANSWER_VALUES_MAX } from "../answer_json.ts";
import type { OperationName } from "../contract.ts";
import { findOperation } from "../operation_table.ts";
import { MASKING_FILE } from "./mask_rules.ts";
import { RecordingError } from "./recording_error.ts";
import { pathViolation, requestKey } from "./requests.ts";

/** Most files of a recording; C1 has fewer operations. */
const RECORDING_FILES_MAX = 1000;
/** Most bytes of all files of a recording. */
export const RECORDING_BYTES_MAX = 64 * 1024 * 1024;
/** Most entries of a file. */
const ENTRIES_MAX = 10_000;
/** Most brackets in each other. */
const LEVELS_MAX = 200;

const FORMAT = 1;
const NAME = /^([a-z][A-Za-z0-9]*)\.([a-z][A-Za-z0-9]*)\.json$/;
const VERBS = ["GET", "POST", "PUT", "PATCH", "DELETE"] as const;

const answer = z.strictObject({
  status: z.int().min(200).max(599),
  /** JSON; absent for an answer without a body. */
  body: z.unknown().optional().superRefine((body, context) => {
    const text = new TextEncoder().encode(JSON.stringify(body) ?? "");
    if (excessOf(text, { levels: LEVELS_MAX, values: TENANT_ANSWER_VALUES_MAX }) === undefined) {
      return;
    }
    const message = `must have at most ${
      formatCount(TENANT_ANSWER_VALUES_MAX)
    } values, as answers of a tenant`;
    context.addIssue({ code: "custom", message });
  }),
});

const entry = z.strictObject({
  request: z.strictObject({
    verb: z.enum(VERBS),
    /** Path and query, encoded. */
    path: z.string().superRefine((path, context) => {
      const message = pathViolation(path);
      if (message !== undefined) context.addIssue({ code: "custom", message });
    }),
    /** JSON; absent for a request without a body. */
    body: z.unknown().optional(),
  }),
  answers: z.array(answer).min(1).max(ENTRIES_MAX),
});

const file = z.strictObject({
  format: z.literal(FORMAT),
  entries: z.array(entry).max(ENTRIES_MAX),
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
  readFile(name, text);
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
 * Reads the files of a recording, which may come from anybody. The server does other work between two files.
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
    recording.set(`${namespace}.${method}`, readFile(name, text));
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

function readFile(name: string, text: string): readonly Entry[] {
  let json: unknown;
  if (nestsDeeper(new TextEncoder().encode(text), LEVELS_MAX)) {
    throw new RecordingError(name, "", `must have at most ${LEVELS_MAX} levels of brackets`);
  }
  try {
    json = JSON.parse(text);
  } catch {
    throw new RecordingError(name, "", "is not JSON");
  }
  const parsed = file.safeParse(json, VIOLATION_OPTIONS);
  if (parsed.success) return withoutRepeats(name, parsed.data.entries);
  const [issue] = parsed.error.issues;
  throw new RecordingError(
    name,
    issue?.path.join(".") ?? "",
    issue === undefined ? "is not valid" : violationOf(issue),
  );
}

/** Equal requests are one entry, so that their answers have an order. */
function withoutRepeats(name: string, entries: readonly Entry[]): readonly Entry[] {
  const seen = new Map<string, number>();
  entries.forEach(({ request }, at) => {
    const key = requestKey(request);
    const first = seen.get(key);
    if (first !== undefined) {
      const violation = `repeats entries.${first}; add its answers there`;
      throw new RecordingError(name, `entries.${at}.request`, violation);
    }
    seen.set(key, at);
  });
  return entries;
}
