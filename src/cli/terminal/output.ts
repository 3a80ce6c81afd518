/** Output of the commands: tables and colours at a terminal, plain text for programs. */
import process from "node:process";
import { styleText } from "node:util";
import stringWidth from "fast-string-width";
import { formatCount } from "../../config/mod.ts";
import { withCommandName } from "./command_name.ts";
import { oneLine, printable } from "./failure.ts";

type Style = Parameters<typeof styleText>[0];

/** Colours a text for stdout; plain without a terminal, and with NO_COLOR. */
export function paint(style: Style, text: string): string {
  return styleText(style, text, { stream: process.stdout });
}

/** Colours a text for stderr. */
export function paintNote(style: Style, text: string): string {
  return styleText(style, text, { stream: process.stderr });
}

/** What JSON leaves as it is, although terminals act on it: C1 controls, line separators, and Unicode's Bidi_Control. */
const TERMINAL_CONTROLS = /[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** JSON with the same value, which a terminal can show: values come from outside. */
function jsonText(value: unknown, indent?: number): string {
  return String(JSON.stringify(value, null, indent))
    .replace(
      TERMINAL_CONTROLS,
      (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
    );
}

/** The result of a command for programs. */
export function printJson(value: unknown): void {
  console.log(jsonText(value, 2));
}

/** The result of a command: JSON for programs, or a text. */
export function printResult(json: boolean | undefined, value: unknown, text: string): void {
  if (json) printJson(value);
  else console.log(text);
}

/** One value of a continuous result, on one line. */
export function printJsonLine(value: unknown): void {
  console.log(jsonText(value));
}

/** Prints progress on stderr; stdout has the result alone. */
export function note(text: string): void {
  console.error(withCommandName(text));
}

/** Prints on stderr what the user should notice. */
export function warn(text: string): void {
  note(paintNote("yellow", text));
}

/**
 * Prints rows below their heads, aligned at a terminal. Without a terminal each row is one line with tabs between the
 * cells, without heads. Cells are text from outside.
 */
export function printTable(
  heads: readonly string[],
  rows: readonly (readonly string[])[],
  empty: string,
): void {
  const cells = rows.map((row) => row.map(oneLine));
  if (!Deno.stdout.isTerminal()) {
    for (const row of cells) console.log(row.join("\t"));
    return;
  }
  if (rows.length === 0) return note(empty);
  console.log(alignColumns([heads.map((head) => paint("bold", head)), ...cells]));
}

/** What each column of a table shows of an item, by the head of the column. */
export type Columns<Item> = Readonly<Record<string, (item: Item) => string | Promise<string>>>;

/** Prints a list as the result of a command: JSON for programs, or a table. @param empty a list without items */
export async function printList<Item>(
  json: boolean | undefined,
  items: readonly Item[],
  empty: string,
  columns: Columns<Item>,
): Promise<void> {
  if (json) return printJson(items);
  const cells = Object.values(columns);
  const rows = items.map((item) => Promise.all(cells.map((cell) => cell(item))));
  printTable(Object.keys(columns), await Promise.all(rows), empty);
}

/** Cells in columns, two spaces apart. Wide characters and colours count as a terminal shows them. */
export function alignColumns(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => stringWidth(row[column] ?? "")))
  );
  const pad = (cell: string, column: number) =>
    cell + " ".repeat((widths[column] ?? 0) - stringWidth(cell));
  return rows.map((row) => row.map(pad).join("  ").trimEnd()).join("\n");
}

/** A field in two columns: its name and its value. It is left out without a value. */
export type ShownField = readonly [name: string, value: string | undefined];

/** Prints names and values in two columns; values from outside may have several lines. */
export function printFields(fields: readonly ShownField[]): void {
  const shown = fields.flatMap(([name, value]) => value === undefined ? [] : [{ name, value }]);
  const width = Math.max(...shown.map(({ name }) => name.length));
  for (const { name, value } of shown) {
    const [first = "", ...others] = printable(value).split("\n");
    console.log(`${paint("dim", name.padEnd(width))}  ${first}`);
    for (const line of others) console.log(`${" ".repeat(width)}  ${line}`);
  }
}

/** The first of many texts in a message, and the number of the others. */
export function firstOf(texts: readonly string[], max: number): string {
  const others = texts.length - max;
  return texts.slice(0, max).join(", ") + (others > 0 ? ` and ${formatCount(others)} more` : "");
}

/** A thing of the API in a message: its name, and its id in brackets. */
export function nameAndId({ displayName, id }: { displayName: string; id: string }): string {
  return `${oneLine(displayName)} (${id})`;
}

/** A time of the API in a table: in UTC, to the second at a terminal, unchanged for programs. */
export function showTime(time: string | undefined): string {
  return Deno.stdout.isTerminal() ? timeInWords(time) : time ?? "";
}

/** `2026-01-31 12:00:00Z`. Every time is in UTC, as in logs. */
export function timeInWords(time: string | undefined): string {
  if (time === undefined || Number.isNaN(Date.parse(time))) return time ?? "";
  return `${
    new Date(time).toISOString().slice(0, "2026-01-31T12:00:00".length).replace("T", " ")
  }Z`;
}

const BYTE_UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];

/** A size, rounded to a readable unit. */
export function sizeInWords(bytes: number): string {
  const power = Math.min(Math.floor(Math.log2(Math.max(bytes, 1)) / 10), BYTE_UNITS.length - 1);
  return `${Number((bytes / 1024 ** power).toFixed(1))} ${BYTE_UNITS[power]}`;
}

/** A size in a table: in words at a terminal, the number of bytes for programs. */
export function showBytes(bytes: number): string {
  return Deno.stdout.isTerminal() ? sizeInWords(bytes) : String(bytes);
}

/** A count in a table: with thousands separators at a terminal, plain for programs. */
export function showCount(count: number): string {
  return Deno.stdout.isTerminal() ? formatCount(count) : String(count);
}
