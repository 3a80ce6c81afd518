/** C1's OpenAPI document as operations and messages, whose fields have one of few kinds. */
import { parse } from "yaml";

/** The kind of a value in JSON. */
export type Kind =
  | { readonly is: "text" | "flag" | "integer" | "number" | "time" | "json" }
  /** A 64-bit integer, which JSON has as text. */
  | { readonly is: "long" }
  /** A message of any type, which its field `@type` names. */
  | { readonly is: "typed" }
  | { readonly is: "enum"; readonly values: readonly string[] }
  | { readonly is: "message"; readonly id: string }
  | { readonly is: "list" | "map"; readonly of: Kind };

export interface Field {
  /** In JSON. */
  readonly name: string;
  readonly kind: Kind;
  /** Whether requests must have it. */
  readonly isRequired: boolean;
  /** Whether only answers have it. */
  readonly isReadOnly: boolean;
  /** Whether it may be `null`. */
  readonly isNullable: boolean;
}

export interface Message {
  /** Such as `c1.api.app.v1.App`. */
  readonly id: string;
  /** Such as `App`. */
  readonly name: string;
  readonly fields: readonly Field[];
}

export interface Parameter {
  readonly in: "path" | "query";
  readonly name: string;
  readonly kind: Kind;
  readonly isNullable: boolean;
}

export interface Operation {
  readonly id: string;
  /** Such as `Apps` and `List`. */
  readonly group: string;
  readonly override: string;
  readonly verb: string;
  readonly path: string;
  readonly description: string;
  readonly parameters: readonly Parameter[];
  /** Ids of messages. */
  readonly request: string | undefined;
  readonly response: string;
  readonly isPaged: boolean;
}

export interface Document {
  readonly operations: readonly Operation[];
  readonly messages: ReadonlyMap<string, Message>;
}

interface Schema {
  readonly $ref?: string;
  readonly oneOf?: readonly Schema[];
  readonly type?: string | readonly string[];
  readonly format?: string;
  readonly enum?: readonly string[];
  readonly readOnly?: boolean;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: boolean | Schema;
  readonly "x-speakeasy-name-override"?: string;
}

interface Content {
  readonly content: { readonly "application/json": { readonly schema: Schema } };
}

interface SourceOperation {
  readonly operationId: string;
  readonly description?: string;
  readonly parameters?: readonly {
    readonly in: string;
    readonly name: string;
    readonly schema: Schema;
  }[];
  readonly requestBody?: Content;
  readonly responses: { readonly 200: Content };
  readonly "x-speakeasy-group": string;
  readonly "x-speakeasy-name-override": string;
  readonly "x-speakeasy-pagination"?: unknown;
}

interface Source {
  readonly paths: Readonly<Record<string, Readonly<Record<string, SourceOperation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

const VERBS = ["get", "post", "put", "patch", "delete"];

/**
 * Reads the text of the document.
 * @throws Error if the document has what no other of its versions had
 */
export function readDocument(text: string): Document {
  const source = parse(text, { maxAliasCount: 0 }) as Source;
  const messages = new Map<string, Message>();
  for (const [id, schema] of Object.entries(source.components.schemas)) {
    if (schema.enum === undefined) addMessage(id, schema, messages);
  }
  const operations = Object.entries(source.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([verb, operation]) => {
      if (!VERBS.includes(verb)) throw new Error(`${path} has ${verb}, which is no verb`);
      return operationOf(path, verb, operation, messages);
    })
  );
  return { operations, messages };
}

function operationOf(
  path: string,
  verb: string,
  source: SourceOperation,
  messages: Map<string, Message>,
): Operation {
  const { operationId: id, description = "", parameters = [], requestBody, responses } = source;
  return {
    id,
    group: source["x-speakeasy-group"],
    override: source["x-speakeasy-name-override"],
    verb: verb.toUpperCase(),
    path,
    description,
    parameters: parameters.map((parameter) => {
      if (parameter.in !== "path" && parameter.in !== "query") {
        throw new Error(`${id} has a parameter in ${parameter.in}`);
      }
      const { in: where, name, schema } = parameter;
      const kind = kindOf(schema, `${id}.${name}`, messages);
      return { in: where, name, kind, isNullable: isNullable(schema) };
    }),
    request: requestBody === undefined ? undefined : messageOf(requestBody, id),
    response: messageOf(responses[200], id),
    isPaged: source["x-speakeasy-pagination"] !== undefined,
  };
}

function messageOf({ content }: Content, id: string): string {
  const { $ref } = content["application/json"].schema;
  if ($ref === undefined) throw new Error(`${id} has a message without a name`);
  return nameIn($ref);
}

function nameIn(reference: string): string {
  return reference.replace(/^.*\//, "");
}

function addMessage(id: string, schema: Schema, messages: Map<string, Message>): void {
  const name = schema["x-speakeasy-name-override"] ?? id.split(".").at(-1) ?? id;
  const fields: Field[] = [];
  messages.set(id, { id, name, fields });
  for (const [field, of] of Object.entries(schema.properties ?? {})) {
    fields.push({
      name: field,
      kind: kindOf(of, `${id}.${field}`, messages),
      isRequired: schema.required?.includes(field) ?? false,
      isReadOnly: of.readOnly ?? false,
      isNullable: isNullable(of),
    });
  }
}

function isNullable({ type = [], oneOf = [] }: Schema): boolean {
  return [type, ...oneOf.map((each) => each.type ?? [])].flat().includes("null");
}

/** Kinds of text by format; all other formats are text to the SDK, too. */
const TEXTS: Readonly<Record<string, "time" | "long">> = {
  "date-time": "time",
  int64: "long",
  uint64: "long",
};

/** @param id that of a message which the schema holds without a name of its own */
function kindOf(schema: Schema, id: string, messages: Map<string, Message>): Kind {
  if (schema.$ref !== undefined) return { is: "message", id: nameIn(schema.$ref) };
  const { oneOf = [], format, items, properties, additionalProperties } = schema;
  const types = [schema.type ?? []].flat().filter((type) => type !== "null");
  if (oneOf.length > 0) {
    const [only, ...others] = oneOf.filter(({ type }) => type !== "null");
    if (only === undefined || others.length > 0) throw new Error(`${id} has several types`);
    return kindOf(only, id, messages);
  }
  if (types.length > 1) return { is: "json" };
  if (schema.enum !== undefined) return { is: "enum", values: schema.enum };
  switch (types[0]) {
    case "string":
      return { is: TEXTS[format ?? ""] ?? "text" };
    case "boolean":
      return { is: "flag" };
    case "integer":
      return { is: "integer" };
    case "number":
      return { is: "number" };
    case "array":
      if (items === undefined) throw new Error(`${id} is a list of nothing`);
      return { is: "list", of: kindOf(items, id, messages) };
    case "object":
      if (properties?.["@type"] !== undefined) return { is: "typed" };
      if (properties !== undefined) {
        addMessage(id, schema, messages);
        return { is: "message", id };
      }
      return typeof additionalProperties === "object"
        ? { is: "map", of: kindOf(additionalProperties, id, messages) }
        : { is: "json" };
    default:
      return { is: "json" };
  }
}

/** The kind of a list's items or of a map's values, and otherwise the kind itself. */
export function innermost(kind: Kind): Kind {
  return "of" in kind ? innermost(kind.of) : kind;
}
