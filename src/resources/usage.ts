/** Usage as a table of comma-separated values (RFC 4180), which the command line and the console write. */

/** Usage as the API answers it; a group has the fields by which it is grouped. 64-bit numbers are strings. */
export interface UsageRow {
  readonly day?: string | undefined;
  readonly functionId?: string | undefined;
  readonly functionDisplayName?: string | undefined;
  readonly principalId?: string | undefined;
  readonly principalDisplayName?: string | undefined;
  readonly invocations: string;
  readonly errors: string;
  readonly attempts: string;
  readonly cpuTime: string;
  readonly wallTime: string;
  readonly gbSeconds: number;
  readonly egressBytes: string;
  readonly volumeBytes: string;
}

/** The names come last: without them, no cell has a comma, and simple programs can split the lines. */
const COLUMNS: readonly (readonly [name: string, cell: (row: UsageRow) => string])[] = [
  ["day", ({ day }) => textCell(day)],
  ["function_id", ({ functionId }) => textCell(functionId)],
  ["principal_id", ({ principalId }) => textCell(principalId)],
  ["invocations", ({ invocations }) => numberCell(invocations)],
  ["errors", ({ errors }) => numberCell(errors)],
  ["attempts", ({ attempts }) => numberCell(attempts)],
  ["cpu_seconds", ({ cpuTime }) => numberCell(secondsOf(cpuTime))],
  ["wall_seconds", ({ wallTime }) => numberCell(secondsOf(wallTime))],
  ["gb_seconds", ({ gbSeconds }) => numberCell(gbSeconds)],
  ["egress_bytes", ({ egressBytes }) => numberCell(egressBytes)],
  ["volume_bytes", ({ volumeBytes }) => numberCell(volumeBytes)],
  ["function_name", ({ functionDisplayName }) => textCell(functionDisplayName)],
  ["principal_name", ({ principalDisplayName }) => textCell(principalDisplayName)],
];

/** The first line, with the names of the columns. */
export const USAGE_CSV_HEAD = lineOf(COLUMNS.map(([name]) => name));

/** The line of a group. */
export function usageCsvLine(row: UsageRow): string {
  return lineOf(COLUMNS.map(([, cell]) => cell(row)));
}

/** The seconds of a duration of the API, such as `1.500000s`. */
export function secondsOf(duration: string): number {
  return Number(duration.replace(/s$/, ""));
}

function lineOf(cells: readonly string[]): string {
  return `${cells.join(",")}\n`;
}

/** The server may be another one than its URL promises: only a number becomes a cell without quotes. */
function numberCell(value: string | number): string {
  return String(Number(value));
}

/**
 * What spreadsheets may run as a formula: a text that begins with one of these characters, in their ASCII or full-width form,
 * after white space or not (https://owasp.org/www-community/attacks/CSV_Injection).
 */
const FORMULA = /^[\s\p{Cf}]*[=+\-@＝＋－＠]/u;

/** Line ends, other control characters, and Unicode's Bidi_Control: a line of the table is one line, also at a terminal. */
const CONTROLS = /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu;

/** A text from outside: an apostrophe before a formula makes it a text. */
function textCell(text = ""): string {
  if (/^[0-9A-Za-z]*$|^\d{4}-\d{2}-\d{2}$/.test(text)) return text;
  const line = text.replace(CONTROLS, " ");
  return `"${FORMULA.test(line) ? "'" : ""}${line.replaceAll('"', '""')}"`;
}
