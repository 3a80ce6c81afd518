/** Makes the readers of messages from the schemas that validate them. */
import { z } from "@hono/zod-openapi";
import { camelCase, snakeCase } from "../../shared/field_names.ts";
import {
  type Field,
  ListReader,
  MapReader,
  MessageReader,
  type Reader,
  type UnknownFields,
} from "./readers.ts";

/** Names that lead to their other spelling and back. */
const CAMEL_CASE = /^[a-z][A-Za-z0-9]*$/;
const SNAKE_CASE = /^[a-z][a-z0-9]*(?:_[a-z][a-z0-9]*)*$/;

/** Schemas that take any value and are maps, with the schema of their entries. */
const MAPS = new WeakMap<object, z.ZodType>();
/** Schemas of resources. */
const RESOURCES = new WeakSet<object>();
/** Schemas of messages that C1 does not have, with the fields that only answers have. */
const OWN = new WeakMap<object, readonly string[]>();

/** A schema for a map that takes any value: what is built on it checks the entries. */
export function anyMap(entry: z.ZodType): z.ZodUnknown {
  const schema = z.unknown();
  MAPS.set(schema, entry);
  return schema;
}

/**
 * Says that a message is a resource, which answers have as well. Clients send back what they were answered, so fields
 * that only answers have are ignored in every request.
 */
export function resource<Schema extends z.ZodObject>(schema: Schema): Schema {
  RESOURCES.add(schema);
  return schema;
}

/**
 * Says that C1 does not have a message inside a request: no SDK of C1 sends it, so its unknown fields are violations in
 * every request. A misspelt restriction, such as `operation` in `tenant`, would mean no restriction.
 * @param answered names of fields that only answers have: clients send back what they were answered
 */
export function ownMessage<Schema extends z.ZodObject>(
  schema: Schema,
  answered: readonly string[] = [],
): Schema {
  OWN.set(schema, answered);
  return schema;
}

/** The reader of a message. @throws TypeError for a schema that it cannot read */
export function messageReader(schema: z.ZodObject, unknown: UnknownFields): MessageReader {
  const fields = Object.entries(schema.shape).map(([name, member]): Field => ({
    name,
    alias: aliasOf(name),
    reader: readerOf(member, unknown),
  }));
  return new MessageReader(fields, unknown);
}

/** The other spelling of a name; undefined if both are the same. */
function aliasOf(name: string): string | undefined {
  const isSnake = SNAKE_CASE.test(name);
  if (!isSnake && !CAMEL_CASE.test(name)) {
    throw new TypeError(`Invalid field ${name}: it is not in camelCase or snake_case`);
  }
  const alias = isSnake ? camelCase(name) : snakeCase(name);
  return alias === name ? undefined : alias;
}

/** Undefined for scalars, and for JSON of any form, whose keys and `null` are data. */
function readerOf(schema: z.core.$ZodType, unknown: UnknownFields): Reader | undefined {
  const { def } = (schema as z.core.$ZodTypes)._zod;
  switch (def.type) {
    case "object":
      return messageReader(schema as z.ZodObject, unknownIn(schema, unknown));
    case "array":
      return new ListReader(readerOf(def.element, unknown));
    case "record":
      return isAnyJson(def.valueType) ? undefined : new MapReader(readerOf(def.valueType, unknown));
    case "any":
    case "unknown": {
      const entry = MAPS.get(schema);
      return entry && new MapReader(readerOf(entry, unknown));
    }
    case "union": {
      const [reader, ...others] = def.options.map((option) => readerOf(option, unknown))
        .filter((reader) => reader !== undefined);
      if (others.length === 0) return reader;
      throw new TypeError(
        "A union of several messages, lists and maps is not supported: they may differ in their fields",
      );
    }
    case "pipe":
      return readerOf(def.in, unknown);
    case "optional":
    case "nullable":
    case "default":
    case "prefault":
    case "nonoptional":
    case "readonly":
    case "catch":
      return readerOf(def.innerType, unknown);
    case "string":
    case "number":
    case "bigint":
    case "boolean":
    case "enum":
    case "literal":
    case "template_literal":
      return undefined;
    default:
      throw new TypeError(
        `Unknown schema type ${def.type}: say here what its fields are`,
      );
  }
}

/** What happens to the unknown fields of a message. @param outer in the message around it */
function unknownIn(schema: object, outer: UnknownFields): UnknownFields {
  const answered = OWN.get(schema);
  if (answered === undefined) return RESOURCES.has(schema) ? "ignored" : outer;
  const ignored = new Set(answered.flatMap((name) => [name, snakeCase(name)]));
  return { noun: "field", of: "setting", ignored };
}

/** Whether a schema takes any JSON, also `null`. */
function isAnyJson(schema: z.core.$ZodType): boolean {
  const { type } = schema._zod.def;
  return (type === "unknown" || type === "any") && !MAPS.has(schema);
}
