/** The configuration file: TOML with one table for each group of settings, whose keys have the names of the flags. */
import { dirname, resolve } from "node:path";
import { type AST, ParseError, parseTOML } from "toml-eslint-parser";
import type { Form } from "./kinds.ts";
import { nearest } from "./nearest.ts";
import { ALL_SETTINGS, type PlacedSetting, tableOf, variableOf } from "./placed_settings.ts";
import type { Setting } from "./setting.ts";

/** A value in the file. */
interface FileValue {
  /** As a flag would have it. */
  readonly text: string;
  /** The line of the key, from 1. */
  readonly line: number;
}

/** What a configuration file says. */
export interface ConfigFile {
  /** Absolute. */
  readonly path: string;
  /** Permissions, as `stat` shows them. */
  readonly mode: number;
  /** By the name of the setting. */
  readonly values: ReadonlyMap<string, FileValue>;
  /** One line each; the file then counts as invalid. */
  readonly violations: readonly string[];
}

/** The settings that the file may have. */
export const FILE_SETTINGS: readonly PlacedSetting[] = ALL_SETTINGS.filter(({ setting }) =>
  !setting.variableOnly && !setting.outsideFile
);

const TABLES: readonly string[] = [...new Set(FILE_SETTINGS.map(({ group }) => tableOf(group)))];

/** Longer values are cut in errors. */
const SHOWN_MAX_CHARACTERS = 80;
/** The types of TOML, in words. */
const TYPE_NAMES: Readonly<Record<string, string>> = {
  ...{ string: "a string", integer: "an integer", float: "a float", boolean: "a boolean" },
  ...{ "offset-date-time": "a date", "local-date-time": "a date", "local-date": "a date" },
  "local-time": "a time",
};

/** A key with its value; `path` are the names of its tables and its own. */
interface Entry {
  readonly path: readonly string[];
  readonly line: number;
  readonly value: AST.TOMLContentNode;
}

/** Reads the text of a configuration file. Violations name the line, the table, the key, the value and the rule. */
export function parseConfigFile(path: string, text: string, mode: number): ConfigFile {
  const values = new Map<string, FileValue>();
  try {
    const [top] = parseTOML(text).body;
    const reader = new Reader(path, text, values);
    reader.read(top);
    return { path, mode, values, violations: reader.violations };
  } catch (error) {
    // The parser recurses into arrays and tables until the stack ends.
    if (error instanceof RangeError) {
      return { path, mode, values, violations: [`Invalid TOML in ${path}: nested too deeply`] };
    }
    if (!(error instanceof ParseError)) throw error;
    const { lineNumber, column, message } = error;
    const position = `${path}:${lineNumber}:${column + 1}`;
    return { path, mode, values, violations: [`Invalid TOML at ${position}: ${message}`] };
  }
}

/** A key of the file with its position, as errors name it. */
export function nameInFile(placed: PlacedSetting, path: string, line: number): string {
  return `[${tableOf(placed.group)}] ${placed.setting.name} (${path}:${line})`;
}

class Reader {
  readonly violations: string[] = [];

  constructor(
    readonly path: string,
    readonly text: string,
    readonly values: Map<string, FileValue>,
  ) {}

  read(top: AST.TOMLTopLevelTable): void {
    const entries: Entry[] = [];
    for (const node of top.body) {
      if (node.type === "TOMLKeyValue") entries.push(...entriesOf([], node));
      else this.#readTable(node);
    }
    // `server.port = 1` and `server = { port = 1 }` are the table [server], too.
    for (
      const [table, members] of Map.groupBy(entries, ({ path }) => path.slice(0, -1).join("."))
    ) {
      const line = members[0]?.line ?? 1;
      if (table === "" || TABLES.includes(table)) this.#readEntries(table, members);
      else this.#unknownTable(table, line, members);
    }
  }

  #readTable({ resolvedKey, kind, body, loc }: AST.TOMLTable): void {
    const table = resolvedKey.filter((part) => typeof part === "string").join(".");
    const { line } = loc.start;
    const parent = resolvedKey.filter((part) => typeof part === "string");
    const entries = body.flatMap((node) => entriesOf(parent, node));
    if (!TABLES.includes(table)) return this.#unknownTable(table, line, entries);
    if (kind === "array") {
      this.violations.push(
        `Invalid [[${table}]] (${this.path}:${line}): an array of tables, but must be the table [${table}]`,
      );
      return;
    }
    this.#readEntries(table, entries);
  }

  #unknownTable(table: string, line: number, entries: readonly Entry[]): void {
    const known = entries.map(({ path }) => settingOf(path.at(-1) ?? ""))
      .find((placed) => placed !== undefined);
    const likely = known === undefined ? nearest(table, TABLES) : tableOf(known.group);
    const hint = likely === undefined ? "" : `; did you mean [${likely}]?`;
    this.violations.push(`Unknown table [${shownKey(table)}] (${this.path}:${line})${hint}`);
  }

  /** @param table empty for keys without a table */
  #readEntries(table: string, entries: readonly Entry[]): void {
    for (const { path, line, value } of entries) {
      const depth = table === "" ? 0 : 1;
      const name = path.slice(depth).join(".");
      const placed = settingOf(name);
      if (placed !== undefined && tableOf(placed.group) === table) {
        this.#readValue(placed, line, value);
      } else this.#misplaced(table, name, line, placed);
    }
  }

  #misplaced(table: string, name: string, line: number, placed: PlacedSetting | undefined): void {
    const position = `${this.path}:${line}`;
    const where = table === "" ? "" : ` of [${table}]`;
    const key = `${shownKey(name)}${where} (${position})`;
    if (placed !== undefined) {
      const elsewhere = table === "" ? "needs its table" : "is in the wrong table";
      this.violations.push(`Key ${key} ${elsewhere}: move the key to [${tableOf(placed.group)}]`);
      return;
    }
    const outside = ALL_SETTINGS.find(({ setting }) => setting.name === name)?.setting;
    if (outside !== undefined) {
      this.violations.push(`Key ${key} is not a key of the file: ${wayOf(outside)}`);
      return;
    }
    const here = FILE_SETTINGS.filter(({ group }) => tableOf(group) === table);
    const likely = nearestSetting(name, here) ?? nearestSetting(name, FILE_SETTINGS);
    const owner = likely === undefined ? undefined : tableOf(likely.group);
    const hint = likely === undefined
      ? ""
      : `; did you mean ${likely.setting.name}${owner === table ? "" : ` of [${owner}]`}?`;
    this.violations.push(`Unknown key ${key}${hint}`);
  }

  #readValue(placed: PlacedSetting, line: number, value: AST.TOMLContentNode): void {
    const { setting } = placed;
    const text = textOf(value, setting.kind.form, dirname(this.path));
    if (text !== undefined) {
      this.values.set(setting.name, { text, line });
      return;
    }
    const name = nameInFile(placed, this.path, line);
    const { hidden, accepts, form } = setting.kind;
    if (form?.type === "list" && value.type === "TOMLArray") {
      this.violations.push(this.#describeList(name, value.elements, accepts));
      return;
    }
    this.violations.push(
      `Invalid ${name}: ${hidden ? "the value" : this.#shown(value)} is ${
        typeOf(value)
      }, but must be ${typeFor(form)}: ${accepts}`,
    );
  }

  /** What is wrong with an array that {@link textOf} rejects. */
  #describeList(name: string, elements: readonly AST.TOMLContentNode[], accepts: string): string {
    const index = elements.findIndex((element) => elementOf(element) === undefined);
    const bad = elements[index];
    if (bad === undefined) return `${name} is empty; omit it, or give ${accepts}`;
    const isString = textOf(bad, undefined, "") !== undefined;
    return `Invalid ${name}: element ${index + 1}, ${this.#shown(bad)}, ${
      isString ? "has a comma" : `is ${typeOf(bad)}`
    }, but must be a string without commas: ${accepts}`;
  }

  /** A value as the file has it, in one line and cut. */
  #shown({ range: [start, end] }: AST.TOMLContentNode): string {
    const source = this.text.slice(start, end).replace(/\s+/g, " ");
    return source.length > SHOWN_MAX_CHARACTERS
      ? `${source.slice(0, SHOWN_MAX_CHARACTERS)}...`
      : source;
  }
}

/** The keys of one line; an inline table at the top has the keys of a table. */
function entriesOf(table: readonly string[], { key, value, loc }: AST.TOMLKeyValue): Entry[] {
  const path = [
    ...table,
    ...key.keys.map((part) => part.type === "TOMLBare" ? part.name : part.value),
  ];
  if (path.length === 1 && value.type === "TOMLInlineTable") {
    return value.body.flatMap((inner) => entriesOf(path, inner));
  }
  return [{ path, line: loc.start.line, value }];
}

function settingOf(name: string): PlacedSetting | undefined {
  return FILE_SETTINGS.find(({ setting }) => setting.name === name);
}

/** The setting with the nearest name. The dashes count, so that a typo in a short name is found, too. */
function nearestSetting(
  name: string,
  settings: readonly PlacedSetting[],
): PlacedSetting | undefined {
  const flag = nearest(`--${name}`, settings.map(({ setting }) => `--${setting.name}`));
  return settings.find(({ setting }) => `--${setting.name}` === flag);
}

/** Where a setting that the file may not have is given. */
function wayOf(setting: Setting): string {
  if (!setting.variableOnly) return `give --${setting.name} or ${variableOf(setting)}`;
  const fileOf = settingOf(`${setting.name}-file`)?.setting.name;
  return `the file contains no secrets; set ${variableOf(setting)}${
    fileOf === undefined ? "" : `, or ${fileOf} to the path of a file with the secret`
  }`;
}

/**
 * The value as a flag would have it; undefined for another type than the setting's.
 * @param folder where relative paths start
 */
function textOf(
  value: AST.TOMLContentNode,
  form: Form | undefined,
  folder: string,
): string | undefined {
  if (value.type === "TOMLArray") {
    if (form?.type !== "list") return undefined;
    const texts = value.elements.map(elementOf);
    const isList = texts.length > 0 && texts.every((text) => text !== undefined);
    return isList ? texts.join(",") : undefined;
  }
  if (value.type !== "TOMLValue") return undefined;
  switch (form?.type) {
    case "integer":
      return value.kind === "integer" ? String(value.bigint) : undefined;
    case "number":
      return value.kind === "integer" || value.kind === "float" ? String(value.value) : undefined;
    case "boolean":
      return value.kind === "boolean" ? String(value.value) : undefined;
    case "quantity":
      return value.kind === "integer" && value.bigint === 0n ? "0" : stringOf(value);
    case "path": {
      const path = stringOf(value);
      return path === undefined || path.trim() === "" ? path : resolve(folder, path);
    }
    default:
      return stringOf(value);
  }
}

/** An element of a list. The reader of the list splits at commas, so an element with a comma would become two. */
function elementOf(element: AST.TOMLContentNode): string | undefined {
  const text = textOf(element, undefined, "");
  return text?.includes(",") ? undefined : text;
}

function stringOf(value: AST.TOMLValue): string | undefined {
  return value.kind === "string" ? value.value : undefined;
}

function typeOf(value: AST.TOMLContentNode): string {
  if (value.type === "TOMLArray") return "an array";
  return value.type === "TOMLInlineTable" ? "a table" : TYPE_NAMES[value.kind] ?? value.kind;
}

/** The TOML type of a setting, in words. */
function typeFor(form: Form | undefined): string {
  switch (form?.type) {
    case "integer":
      return "an integer";
    case "number":
      return "a number";
    case "boolean":
      return "a boolean";
    case "list":
      return "an array of strings without commas";
    default:
      return "a string";
  }
}

/** A name that the file chose, without control characters. */
function shownKey(name: string): string {
  const shown = name.slice(0, SHOWN_MAX_CHARACTERS);
  return /^[\w.-]+$/.test(name) ? shown : JSON.stringify(shown);
}
