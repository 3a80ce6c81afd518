import { type Command, Option } from "commander";
import { countOf, formatCount } from "../config/mod.ts";
import { secondsOf, USAGE_CSV_HEAD, usageCsvLine, type UsageRow } from "../resources/usage.ts";
import { needsAddition } from "./client/api_error.ts";
import type { UsagePart } from "./client/usage.ts";
import { addApiAction } from "./options/api_command.ts";
import { functionOf } from "./options/function_argument.ts";
import { UsageFailure } from "./terminal/failure.ts";
import {
  note,
  printJson,
  printTable,
  showBytes,
  showCount,
  sizeInWords,
} from "./terminal/output.ts";
import { printContent } from "./volumes/trees.ts";

const WHAT = "usage";
const encoder = new TextEncoder();
const DAY = /^\d{4}-\d{2}-\d{2}$/;

interface Options {
  readonly from?: string;
  readonly to?: string;
  readonly by: readonly Dimension[];
  readonly principal?: string;
  readonly json?: true;
  readonly csv?: true;
}

/** The head and the cell of what usage is grouped by. */
const DIMENSIONS = {
  day: ["DAY", ({ day = "" }: UsageRow) => day],
  function: [
    "FUNCTION",
    ({ functionDisplayName: name, functionId: id = "" }: UsageRow) => named(name, id),
  ],
  principal: [
    "PRINCIPAL",
    ({ principalDisplayName: name, principalId: id = "" }: UsageRow) => named(name, id),
  ],
} as const;
type Dimension = keyof typeof DIMENSIONS;
const NAMES = Object.keys(DIMENSIONS) as Dimension[];

/** `invoked usage`: what functions used, by function, principal or day. */
export function register(command: Command): void {
  command
    .argument("[function]", "Name or id of the function [default all functions]")
    .addOption(dayOption("--from", "First day in UTC [default the first day of the month]"))
    .addOption(dayOption("--to", "Last day in UTC, inclusive [default today]"))
    .addOption(
      new Option("--by <NAMES>", `Group by ${NAMES.join(", ")}, or several with commas`)
        .argParser(dimensionsOf).default(["function"], "function"),
    )
    .option("--principal <ID>", "Only invocations by this principal")
    .addOption(
      new Option("--csv", "Print comma-separated values for a spreadsheet").conflicts("json"),
    );
  const examples = [
    "invoked usage",
    "invoked usage --from 2026-01-01 --to 2026-01-31 --by principal",
    "invoked usage hello --by day --csv > usage.csv",
  ];
  addApiAction(
    command,
    examples,
    async (api, name: string | undefined, { csv, json, ...options }: Options) => {
      const { from, to, by, principal: principalId } = options;
      const functionId = name === undefined ? undefined : (await functionOf(api, name)).id;
      const parts = api.usage.parts({ from, to, by, principalId, functionId });
      if (csv) return await printContent(csvOf(parts));
      const first = await firstOf(parts);
      const rows = [...first.rows];
      for await (const part of parts) rows.push(...part.rows);
      if (json) {
        return printJson({ from: first.from, to: first.to, total: first.total, list: rows });
      }
      printUsage(by, rows);
      if (first.total !== undefined && rows.length > 0) noteTotal(first, first.total);
    },
  );
}

async function firstOf(parts: AsyncGenerator<UsagePart>): Promise<UsagePart> {
  const { value } = await needsAddition(WHAT, parts.next());
  return value;
}

async function* csvOf(parts: AsyncGenerator<UsagePart>): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const { rows } = await firstOf(parts);
  yield encoder.encode(USAGE_CSV_HEAD + rows.map(usageCsvLine).join(""));
  for await (const part of parts) yield encoder.encode(part.rows.map(usageCsvLine).join(""));
}

function printUsage(by: readonly Dimension[], rows: readonly UsageRow[]): void {
  const dimensions = NAMES.filter((name) => by.includes(name)).map((name) => DIMENSIONS[name]);
  printTable(
    [
      ...dimensions.map(([head]) => head),
      ...["INVOCATIONS", "ERRORS", "ATTEMPTS", "CPU", "WALL", "GB-SECONDS", "EGRESS", "VOLUME"],
    ],
    rows.map((row) => [
      ...dimensions.map(([, cell]) => cell(row)),
      showCount(Number(row.invocations)),
      showCount(Number(row.errors)),
      showCount(Number(row.attempts)),
      showSeconds(secondsOf(row.cpuTime)),
      showSeconds(secondsOf(row.wallTime)),
      showAmount(row.gbSeconds),
      showBytes(Number(row.egressBytes)),
      showBytes(Number(row.volumeBytes)),
    ]),
    "No invocations ended in these days",
  );
}

/** Says what all groups have together, apart from the table. */
function noteTotal({ from, to }: UsagePart, total: UsageRow): void {
  const { invocations, errors, cpuTime, wallTime, gbSeconds, egressBytes, volumeBytes } = total;
  const parts = [
    countOf(Number(invocations), "invocation"),
    countOf(Number(errors), "error"),
    `${amountInWords(secondsOf(cpuTime))} s of CPU time`,
    `${amountInWords(secondsOf(wallTime))} s of wall time`,
    `${amountInWords(gbSeconds)} GB-seconds`,
    `${sizeInWords(Number(egressBytes))} of egress`,
    `${sizeInWords(Number(volumeBytes))} of volumes`,
  ];
  note(`From ${from} to ${to} (UTC): ${parts.join(", ")}`);
}

/** An amount in a table: rounded at a terminal, unchanged for programs. */
function showAmount(amount: number): string {
  return Deno.stdout.isTerminal() ? amountInWords(amount) : String(amount);
}

function showSeconds(seconds: number): string {
  return Deno.stdout.isTerminal() ? `${amountInWords(seconds)} s` : String(seconds);
}

/** Three digits of a small amount; the whole number of a large one. */
function amountInWords(amount: number): string {
  return amount < 100 ? String(Number(amount.toPrecision(3))) : formatCount(Math.round(amount));
}

/** A name with its id, since several functions may have the name. */
function named(name: string | undefined, id: string): string {
  return name === undefined ? id : `${name} (${id})`;
}

function dayOption(flag: `--${string}`, description: string): Option {
  return new Option(`${flag} <DAY>`, description).argParser((text) => {
    if (DAY.test(text) && !Number.isNaN(Date.parse(text))) return text;
    throw new UsageFailure(`Invalid ${flag}: ${JSON.stringify(text)} is not a day`, {
      next: "write it as 2026-01-31; days are in UTC",
    });
  });
}

function dimensionsOf(text: string): readonly Dimension[] {
  const names = text.split(",").map((name) => name.trim());
  const unknown = names.find((name) => !Object.hasOwn(DIMENSIONS, name));
  if (unknown === undefined) return names as Dimension[];
  throw new UsageFailure(
    `Invalid --by: ${JSON.stringify(unknown)} is not one of ${NAMES.join(", ")}`,
    { next: "write it as --by function, or as --by day,function" },
  );
}
