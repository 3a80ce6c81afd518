/** How the commands print: tables and colours for people at a terminal, plain text for programs. */
import process from "node:process";
import { styleText } from "node:util";
import Table from "cli-table3";
import { oneLine, printable } from "./failure.ts";

type Style = Parameters<typeof styleText>[0];

/** Colours a text for stdout; plain where that is no terminal, or NO_COLOR is set. */
export function paint(style: Style, text: string): string {
  return styleText(style, text, { stream: process.stdout });
}

/** Colours a text for stderr. */
export function paintNote(style: Style, text: string): string {
  return styleText(style, text, { stream: process.stderr });
}

/** The result of a command for programs. */
export function printJson(value: unknown): void {
  console.log(JSON.stringify(value, null, 2));
}

/** One value a line, for results that go on. */
export function printJsonLine(value: unknown): void {
  console.log(JSON.stringify(value));
}

/** Tells what is going on, on stderr, so that stdout holds the result alone. */
export function note(text: string): void {
  console.error(text);
}

/**
 * Rows below their heads: aligned at a terminal, otherwise one line each with tabs between the cells and
 * no head. Cells are text from outside.
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

/** Cells in columns, without borders. */
export function alignColumns(rows: readonly (readonly string[])[]): string {
  const table = new Table({ chars: NO_BORDERS, style: PLAIN });
  table.push(...rows.map((row) => [...row]));
  return table.toString().replace(/ +$/gm, "");
}

/** Names with their values, in two columns; values from outside may have several lines. */
export function printFields(fields: readonly (readonly [string, string])[]): void {
  const width = Math.max(...fields.map(([name]) => name.length));
  for (const [name, value] of fields) {
    const [first = "", ...others] = printable(value).split("\n");
    console.log(`${paint("dim", name.padEnd(width))}  ${first}`);
    for (const line of others) console.log(`${" ".repeat(width)}  ${line}`);
  }
}

/** A time of the API as people at a terminal read it, in their own zone; programs get it as it came. */
export function showTime(time: string | undefined): string {
  if (time === undefined || Number.isNaN(Date.parse(time))) return time ?? "";
  if (!Deno.stdout.isTerminal()) return time;
  const date = new Date(time);
  const two = (n: number) => String(n).padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ` +
    `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

const BYTE_UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];

/** A size in words. */
export function sizeInWords(bytes: number): string {
  const power = Math.min(Math.floor(Math.log2(Math.max(bytes, 1)) / 10), BYTE_UNITS.length - 1);
  return `${Number((bytes / 1024 ** power).toFixed(1))} ${BYTE_UNITS[power]}`;
}

/** A size in a table: in words for people at a terminal; programs get the number of bytes. */
export function showBytes(bytes: number): string {
  return Deno.stdout.isTerminal() ? sizeInWords(bytes) : String(bytes);
}

const BORDERS = [
  ...["top", "top-mid", "top-left", "top-right", "bottom", "bottom-mid", "bottom-left"],
  ...["bottom-right", "left", "left-mid", "mid", "mid-mid", "right", "right-mid"],
];
const NO_BORDERS = { ...Object.fromEntries(BORDERS.map((name) => [name, ""])), middle: "  " };
const PLAIN = { "padding-left": 0, "padding-right": 0, head: [], border: [] };
