import { formatCount } from "../../config/mod.ts";
import { answerOf, hasFailed, shownStatus } from "../client/failures.ts";
import { durationMs, hasEnded, type Invocation, type LogLine } from "../client/schemas.ts";
import { printable } from "./failure.ts";
import { paint, paintNote, printJsonLine } from "./output.ts";

type Printed = Pick<LogLine, "level" | "source" | "message"> & { readonly time?: string };

const STYLES = { debug: "dim", info: "cyan", warn: "yellow", error: "red" } as const;

/** A line of a function's log: time, level, source (unless it is the console) and text. */
export function formatLogLine(line: Printed, painted: typeof paint): string {
  const { time, level, source, message } = line;
  const style = Object.hasOwn(STYLES, level) ? STYLES[level as keyof typeof STYLES] : "reset";
  const head = [
    ...time === undefined ? [] : [painted("dim", time)],
    painted(style, printable(level).padEnd(5)),
    ...source === "console" ? [] : [painted("dim", `[${printable(source)}]`)],
  ].join(" ");
  return `${head} ${printable(message).trimEnd().replaceAll("\n", "\n    ")}`;
}

/** The outcome of an invocation as the last line of its log. */
export interface OutcomeLine
  extends Omit<LogLine, "sequence">, Pick<Invocation, "status" | "error" | "failure" | "http"> {}

/** The outcome as a line; undefined before the end. */
export function outcomeLine(invocation: Invocation): OutcomeLine | undefined {
  if (!hasEnded(invocation)) return undefined;
  const { status, error, failure, http, traceId, updatedAt = "" } = invocation;
  const ms = durationMs(invocation);
  const message = [
    `${shownStatus(invocation)}${ms === undefined ? "" : ` in ${formatCount(ms)} ms`}`,
    answerOf(invocation),
    error,
  ].filter((part) => part !== undefined).join(": ");
  return {
    time: updatedAt,
    level: hasFailed(invocation) ? "error" : "info",
    source: "outcome",
    message,
    traceId,
    status,
    error,
    failure,
    http,
  };
}

/** Prints a line as the result of a command. */
export function printLogLine(line: LogLine | OutcomeLine, json: boolean): void {
  if (json) printJsonLine(line);
  else console.log(formatLogLine(line, paint));
}

/** Prints a line among the lines of other invocations. */
export function printLogLineOf(
  invocationId: string,
  line: LogLine | OutcomeLine,
  json: boolean,
): void {
  if (json) printJsonLine({ invocationId, ...line });
  else console.log(`${paint("dim", invocationId)} ${formatLogLine(line, paint)}`);
}

/** Prints a line besides the result of a command, on stderr. */
export function noteLogLine(line: Printed): void {
  console.error(formatLogLine(line, paintNote));
}
