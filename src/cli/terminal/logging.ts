import { AsyncLocalStorage } from "node:async_hooks";
import {
  configureSync,
  getJsonLinesFormatter,
  type LogRecord,
  type TextFormatter,
} from "@logtape/logtape";
import { getPrettyFormatter } from "@logtape/pretty";
import type { Config } from "../../config/mod.ts";

/** Requests that are in progress keep their context when the log is set up again. */
const CONTEXT = new AsyncLocalStorage<Record<string, unknown>>();

/**
 * Sends the log to stderr: as JSON lines, or in a readable form on a terminal.
 *
 * A line is written before the logging call returns, so that none is lost at the end of the process. The context of
 * LogTape's `withContext`, such as a request id, is on every line. A later call changes format and level, and loses no
 * line.
 */
export function setUpLogging({ format, level }: Config["log"]): void {
  const isTerminal = Deno.stderr.isTerminal();
  const isPretty = format === "pretty" || (format === "auto" && isTerminal);
  const formatRecord = isPretty ? prettyFormatter(isTerminal) : jsonFormatter();
  configureSync({
    sinks: {
      stderr: (record: LogRecord) => console.error(formatRecord(record).trimEnd()),
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
function jsonFormatter(): TextFormatter {
  const format = getJsonLinesFormatter();
  return (record) => {
    let message = "";
    for (const part of record.message) {
      message += typeof part === "string" ? part : Deno.inspect(part);
    }
    return format({ ...record, message: [message] });
  };
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
