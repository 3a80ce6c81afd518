import { AsyncLocalStorage } from "node:async_hooks";
import {
  configureSync,
  getJsonLinesFormatter,
  type LogLevel,
  type LogRecord,
  type TextFormatter,
} from "@logtape/logtape";
import { getPrettyFormatter } from "@logtape/pretty";
import type { Config } from "../../config/mod.ts";
import { LineWriter } from "./line_writer.ts";

/** Requests that are in progress keep their context when the log is set up again. */
const CONTEXT = new AsyncLocalStorage<Record<string, unknown>>();

/** Lines of these levels may say why the process is about to end. */
const URGENT: ReadonlySet<LogLevel> = new Set(["warning", "error", "fatal"]);

let writer: LineWriter | undefined;

/**
 * Sends the log to stderr: as JSON lines, or in a readable form on a terminal.
 *
 * The lines of one iteration of the event loop are one write, see {@link LineWriter}; a warning or an error is written before
 * the logging call returns. The context of LogTape's `withContext`, such as a request id, is on every line. A later call
 * changes format and level, and loses no line.
 */
export function setUpLogging({ format, level }: Config["log"]): void {
  const isTerminal = Deno.stderr.isTerminal();
  const isPretty = format === "pretty" || (format === "auto" && isTerminal);
  const formatRecord = isPretty ? prettyFormatter(isTerminal) : jsonFormatter();
  const lines = writer ??= new LineWriter();
  configureSync({
    sinks: {
      stderr: (record: LogRecord) =>
        lines.write(formatRecord(record).trimEnd(), URGENT.has(record.level)),
    },
    loggers: [
      { category: ["invoked"], lowestLevel: level, sinks: ["stderr"] },
      { category: ["logtape", "meta"], lowestLevel: "warning", sinks: ["stderr"] },
    ],
    contextLocalStorage: CONTEXT,
    reset: true,
  });
}

/** Text in a message is not quoted, as the library would do. */
export function jsonFormatter(): TextFormatter {
  const format = getJsonLinesFormatter();
  return (record) => {
    let message = "";
    for (const part of record.message) {
      // Deno shows a negative zero with its sign.
      const isShownAsText = typeof part === "string" ||
        (typeof part === "number" && !Object.is(part, -0));
      message += isShownAsText ? String(part) : Deno.inspect(part);
    }
    return plainLine(record, message) ?? format({ ...record, message: [message] });
  };
}

/** What the library escapes although `JSON.stringify` does not. */
const CONTROL = /[\u007f-\u009f]/;

/**
 * The line that the library would make of a record whose properties are texts and numbers, at a fifth of its cost; undefined
 * for any other record.
 */
function plainLine({ timestamp, level, category, properties }: LogRecord, message: string) {
  for (const name in properties) if (!isPlain(properties[name])) return undefined;
  const line =
    `{"@timestamp":"${new Date(timestamp).toISOString()}","level":"${
      level === "warning" ? "WARN" : level.toUpperCase()
    }","message":${JSON.stringify(message)},"logger":${JSON.stringify(category.join("."))},` +
    `"properties":${JSON.stringify(properties)}}`;
  return CONTROL.test(line) ? undefined : line;
}

function isPlain(value: unknown): boolean {
  return typeof value === "string" || typeof value === "number" || value === undefined;
}

/** Properties that are in the message are not listed below it. */
function prettyFormatter(isTerminal: boolean): TextFormatter {
  const format = getPrettyFormatter({
    // The time of the day, in UTC with its mark.
    timestamp: (time) => new Date(time).toISOString().slice("2026-01-31T".length),
    icons: false,
    colors: isTerminal && !Deno.noColor,
    properties: true,
    wordWrap: false,
  });
  return (record) => {
    const isInMessage = (name: string) => String(record.rawMessage).includes(`{${name}}`);
    const others = Object.entries(record.properties).filter(([name]) => !isInMessage(name));
    return format({ ...record, properties: Object.fromEntries(others) });
  };
}
