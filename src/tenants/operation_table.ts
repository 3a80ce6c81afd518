/**
 * The operations and messages of C1's API. `operations.json` is written by `scripts/tenant_operations.ts` and read when a
 * function first calls a tenant.
 */
import { installed } from "../shared/installation.ts";
import type { OperationName, TenantAccess, TenantRequest } from "./contract.ts";

/** A field of a message, or a parameter. */
export interface Field {
  /** In JSON, in a path or in a query. */
  readonly name: string;
  /** In the SDK. */
  readonly sdkName: string;
  readonly kind: Kind;
  /** Whether requests must have it. */
  readonly isRequired: boolean;
  /** Whether only answers have it. */
  readonly isReadOnly: boolean;
}

/** The fields of a message. Both sides read them for each value of that message, of which there are many. */
interface MessageFields {
  readonly all: readonly Field[];
  /** Names in the SDK. */
  readonly sdkNames: readonly string[];
  readonly byName: ReadonlyMap<string, Field>;
}

/** The kinds of scalars by their letters in the table. */
const SCALARS = {
  s: "text",
  b: "flag",
  i: "integer",
  d: "number",
  /** RFC 3339; a date in the SDK. */
  t: "time",
  /** A 64-bit integer as text. */
  l: "long",
  /** A 64-bit integer that is text in JSON and a number in the SDK. */
  n: "longNumber",
  /** Any JSON. */
  j: "json",
  /** A message that names its type in `@type`: `{atType, additionalProperties}` in the SDK. */
  "@": "typed",
} as const;

export type Kind =
  | { readonly is: typeof SCALARS[keyof typeof SCALARS] }
  | { readonly is: "message"; readonly id: string }
  | { readonly is: "list" | "map"; readonly of: Kind };

/** One operation of a tenant. */
export interface TenantOperation extends OperationName {
  readonly access: TenantAccess;
  readonly verb: TenantRequest["verb"];
  /** With parameters in braces. */
  readonly path: string;
  readonly ofPath: readonly Field[];
  readonly ofQuery: readonly Field[];
  /** The message of the body, and the field of the SDK's request that holds it; without a key, the request itself is it. */
  readonly body: { readonly message: string; readonly key: string | undefined } | undefined;
  readonly answer: { readonly message: string; readonly key: string };
  readonly isPaged: boolean;
}

interface Entry {
  readonly access: TenantAccess;
  readonly verb: TenantRequest["verb"];
  readonly path: string;
  readonly parameters?: Readonly<Record<string, string>>;
  readonly request?: string;
  readonly bodyKey?: string;
  readonly response: string;
  readonly answerKey: string;
  readonly isPaged?: true;
}

interface Table {
  readonly operations: ReadonlyMap<string, Entry>;
  readonly messages: ReadonlyMap<string, Readonly<Record<string, string>>>;
}

let table: Table | undefined;
const fieldsById = new Map<string, MessageFields>();

function read(): Table {
  if (table !== undefined) return table;
  const text = Deno.readTextFileSync(installed("src/tenants/operations.json"));
  const { operations, messages } = JSON.parse(text);
  return table = {
    operations: new Map(Object.entries(operations)),
    messages: new Map(Object.entries(messages)),
  };
}

/** The names of all operations, such as `apps.list`. */
export function operationNames(): readonly string[] {
  return [...read().operations.keys()];
}

/** The operation of a method of the SDK; undefined if C1 has no such method. */
export function findOperation(namespace: string, method: string): TenantOperation | undefined {
  const entry = read().operations.get(`${namespace}.${method}`);
  if (entry === undefined) return undefined;
  const { access, verb, path, parameters = {}, request, bodyKey } = entry;
  const fields = Object.entries(parameters).map(([name, code]) => readField(name, code));
  return {
    namespace,
    method,
    access,
    verb,
    path,
    ofPath: fields.filter(({ isRequired }) => isRequired),
    ofQuery: fields.filter(({ isRequired }) => !isRequired),
    body: request === undefined ? undefined : { message: request, key: bodyKey },
    answer: { message: entry.response, key: entry.answerKey },
    isPaged: entry.isPaged ?? false,
  };
}

/** The fields of a message. */
export function fieldsOf(message: string): MessageFields {
  const known = fieldsById.get(message);
  if (known !== undefined) return known;
  const codes = Object.entries(read().messages.get(message) ?? {});
  const all = codes.map(([name, code]) => readField(name, code));
  const fields = {
    all,
    sdkNames: all.map(({ sdkName }) => sdkName),
    byName: new Map(all.map((field) => [field.name, field])),
  };
  fieldsById.set(message, fields);
  return fields;
}

/** `[` of a list or `{` of a map, a letter or a message, `!` if required or `-` if read-only, and the name in the SDK. */
const CODE = /^([[{]*)([a-z@]|[\w.@]+\.[\w.@]+)([!-]?)(?:=(\w+))?$/;

/** Reads the code of a field. @throws TypeError for text of another form */
export function readField(name: string, code: string): Field {
  const [, wrappers = "", base = "", mark, sdkName = name] = CODE.exec(code) ?? [];
  if (base === "") throw new TypeError(`Field ${name} has the code ${code}`);
  const innermost: Kind = isScalar(base) ? { is: SCALARS[base] } : { is: "message", id: base };
  const kind = [...wrappers].reduceRight<Kind>(
    (of, wrapper) => ({ is: wrapper === "[" ? "list" : "map", of }),
    innermost,
  );
  return { name, sdkName, kind, isRequired: mark === "!", isReadOnly: mark === "-" };
}

function isScalar(base: string): base is keyof typeof SCALARS {
  return Object.hasOwn(SCALARS, base);
}
