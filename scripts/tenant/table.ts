/** Renders the table of C1's operations and messages that the server reads (`src/tenants/operation_table.ts`). */
import { readField } from "../../src/tenants/operation_table.ts";
import { answererOf } from "../../src/tenants/operations.ts";
import { accessOf } from "./access.ts";
import { type Document, type Field, innermost, type Kind } from "./document.ts";
import { type NamedOperation, nameOf, type Names } from "./named.ts";

/** The letter of a kind in the code of a field; messages have their ids. */
const LETTERS = {
  text: "s",
  enum: "s",
  flag: "b",
  integer: "i",
  number: "d",
  time: "t",
  long: "l",
  json: "j",
  typed: "@",
} as const;
/** A 64-bit integer that the SDK has as a number. */
const LONG_AS_NUMBER = "n";

/** @param source where the document comes from */
export function renderTable(document: Document, names: Names, source: string): string {
  const operations = ofTenants(names);
  const lines = operations.map((named) =>
    `${JSON.stringify(nameOf(named))}: ${JSON.stringify(entryOf(named, names))}`
  );
  const messages = Array.from(
    messagesOf(document, operations, names),
    ([id, codes]) => `${JSON.stringify(id)}: ${JSON.stringify(codes)}`,
  ).toSorted();
  const list = (entries: readonly string[]) => `{\n    ${entries.join(",\n    ")}\n  }`;
  return `{\n  "source": ${JSON.stringify(source)},\n  "operations": ${list(lines)},\n` +
    `  "messages": ${list(messages)}\n}\n`;
}

/** The operations that a tenant answers. */
export function ofTenants(names: Names): readonly NamedOperation[] {
  return names.operations().filter(({ namespace }) => answererOf(namespace) !== "server");
}

function entryOf(named: NamedOperation, names: Names) {
  const { operation: { id, verb, path, parameters, request, response, isPaged } } = named;
  const { bodyKey, answerKey } = named;
  const codes = parameters.map((parameter) => {
    const { name, isNumber } = names.parameter(id, parameter);
    const mark = parameter.in === "path" ? "!" : "";
    return [parameter.name, `${codeOf(parameter.kind, isNumber)}${mark}=${name}`] as const;
  });
  return {
    access: accessOf(named),
    verb,
    path,
    ...codes.length === 0 ? {} : { parameters: Object.fromEntries(codes) },
    ...request === undefined ? {} : { request },
    ...bodyKey === undefined || request === undefined ? {} : { bodyKey },
    response,
    answerKey,
    ...isPaged ? { isPaged } : {},
  };
}

type Codes = Readonly<Record<string, string>>;

/** All fields of the messages that requests and answers have: the server checks both. */
function messagesOf(
  document: Document,
  operations: readonly NamedOperation[],
  names: Names,
): ReadonlyMap<string, Codes> {
  const ids = operations.flatMap(({ operation }) => [operation.request, operation.response]);
  return new Map(
    Array.from(reachable(document, ids), (id) => [
      id,
      Object.fromEntries(
        (document.messages.get(id)?.fields ?? [])
          .map((field) => [field.name, fieldCode(id, field, names)]),
      ),
    ]),
  );
}

function fieldCode(message: string, field: Field, names: Names): string {
  const { name, isNumber } = names.field(message, field);
  const mark = names.isReadOnly(message, field) ? "-" : field.isRequired ? "!" : "";
  const code = `${codeOf(field.kind, isNumber)}${mark}${name === field.name ? "" : `=${name}`}`;
  readField(field.name, code);
  return code;
}

function codeOf(kind: Kind, isNumber: boolean): string {
  if ("of" in kind) return `${kind.is === "list" ? "[" : "{"}${codeOf(kind.of, isNumber)}`;
  if (kind.is === "message") return kind.id;
  return kind.is === "long" && isNumber ? LONG_AS_NUMBER : LETTERS[kind.is];
}

function messagesIn(fields: readonly Field[]): readonly string[] {
  return fields.map(({ kind }) => innermost(kind)).flatMap((of) =>
    of.is === "message" ? [of.id] : []
  );
}

/** The ids of messages, and of all that these contain. */
export function reachable(
  { messages }: Document,
  ids: readonly (string | undefined)[],
): ReadonlySet<string> {
  const found = new Set<string>();
  const add = (id: string) => {
    if (found.has(id)) return;
    found.add(id);
    messagesIn(messages.get(id)?.fields ?? []).forEach(add);
  };
  for (const id of ids) if (id !== undefined) add(id);
  return found;
}
