/** The fields of a resource on the wire, from `src/resources`. */
import { z } from "@hono/zod-openapi";
import { formatCount } from "../config/mod.ts";
import {
  type Count,
  type Field,
  type Fields,
  type Group,
  type Json,
  type JsonOf,
  type Nullable,
  type OneOf,
  requestText,
  scaleOf,
  shown,
  type Text,
  type ValueOf,
} from "../resources/field.ts";
import { ownMessage } from "./messages/of_schema.ts";
import {
  countIn,
  durationIn,
  durationJson,
  durationOut,
  int32In,
  int32Out,
  int64In,
  int64Out,
  textIn,
  timestamp,
  timestampIn,
} from "./primitives.ts";

type RequestShape<F extends Fields> = {
  readonly [N in keyof F]: z.ZodOptional<z.ZodType<ValueOf<F[N]>>>;
};
/** Schemas of rules that a table names, such as `role`. */
export type Rules = Readonly<Record<string, z.ZodType>>;

/** What a request can carry. @param rules of the entries of lists, and `values` of maps */
export function requestShape<F extends Fields>(fields: F, rules: Rules = {}): RequestShape<F> {
  return shapeOf(fields, (field) => optional(requestOf(field, rules), field));
}

type AnswerShape<F extends Fields> = {
  readonly [N in keyof F]: Nullable<
    F[N],
    z.ZodOptional<z.ZodType<unknown, JsonOf<F[N]>>>,
    z.ZodType<unknown, JsonOf<F[N]>>
  >;
};

/** What an answer has. @param always fields that it has, whatever their columns are */
export function answerShape<F extends Fields>(
  fields: F,
  always: readonly string[] = [],
): AnswerShape<F> {
  return shapeOf(shown(fields), (field, name) => {
    const schema = answerOf(field);
    return "value" in field.unset || always.includes(name) ? schema : schema.optional();
  });
}

/** An answer that has every field, with what each means. */
export function wholeAnswerShape<F extends Fields>(
  fields: F,
): { readonly [N in keyof F]: z.ZodType<unknown, JsonOf<F[N]>> } {
  return shapeOf(fields, (field) => {
    const { about } = field;
    return about === undefined ? answerOf(field) : answerOf(field).openapi({ description: about });
  });
}

/** The API's form of a row. */
export function answerJson<F extends Fields>(fields: F, row: object): Json<F> {
  const columns = row as Readonly<Record<string, unknown>>;
  return Object.fromEntries(
    Object.entries(fields).flatMap(([name, field]) => {
      const stored = columns[field.column ?? name];
      return stored === null ? [] : [[name, storedJson(field, stored)]];
    }),
  ) as Json<F>;
}

function storedJson(field: Field, stored: unknown): unknown {
  switch (field.kind) {
    case "count":
      return field.bits === 64 ? String(stored) : Math.floor(Number(stored) / scaleOf(field));
    case "flag":
      return stored === 1;
    case "duration":
      return durationJson(Number(stored));
    case "list":
    case "values":
      return JSON.parse(String(stored));
    case "group":
      return groupJson(field, JSON.parse(String(stored)));
    default:
      return stored;
  }
}

function groupJson({ fields, always = [] }: Group, stored: Readonly<Record<string, unknown>>) {
  return Object.fromEntries(
    Object.entries(fields).flatMap(([name, { kind }]) => {
      const value = stored[name] ?? (always.includes(name) ? 0 : undefined);
      if (!value && !always.includes(name)) return [];
      return [[name, kind === "duration" ? durationJson(Number(value)) : value]];
    }),
  );
}

/** The schema of a text. */
export function textOf({ max }: Text) {
  return max === undefined ? textIn : textIn.max(max);
}

const enums = new Map<string, z.ZodType>();
/** The schema of an enum: one for each name in the document. */
export function enumOf<const V extends readonly string[]>({ values, schema, about }: OneOf<V>) {
  const made = enums.get(schema) ??
    z.enum(values).openapi(schema, about === undefined ? {} : { description: about });
  enums.set(schema, made);
  return made as z.ZodType<V[number], V[number]>;
}

function requestOf(field: Field, rules: Rules): z.ZodType {
  switch (field.kind) {
    case "text":
      return rules[field.rule ?? ""] ?? textOf(field);
    case "time":
      return timestampIn;
    case "flag":
      return z.boolean();
    case "object":
      return rules["object"] ?? anyObject;
    case "id":
      return z.string();
    case "count":
      if (field.bits === 64) return int64In;
      return field.min === 0 ? within(field) : countIn;
    case "duration":
      return durationIn;
    case "oneOf":
      return enumOf(field);
    case "list": {
      const { values, rule, max, emptyViolation } = field;
      const any = z.array(
        values ? z.enum(values) : rules[rule ?? ""] ?? textIn,
      );
      const entries = emptyViolation === undefined ? any : any.min(1, emptyViolation);
      return max === undefined ? entries : entries.max(max);
    }
    case "values":
      return rules["values"] ?? z.record(z.string(), z.string());
    case "group": {
      const { fields, needed = [], isOfC1 } = field;
      const message = z.object(shapeOf(fields, (member, name) => {
        const schema = requestOf(member, rules);
        return needed.includes(name) ? schema : optional(schema, member);
      }));
      return isOfC1 ? message : ownMessage(message);
    }
  }
}

function within({ min, max }: Count) {
  return int32In.refine((n) => n >= min && n <= Number(max), {
    error: ({ input }) => `${formatCount(Number(input))} is not between ${min} and ${max}`,
  });
}

function withDescription(schema: z.ZodType, description: string): z.ZodType {
  return description === "" ? schema : schema.openapi({ description });
}

const anyObject = z.record(z.string(), z.unknown());

function answerOf(field: Field): z.ZodType {
  return field.kind === "group" && field.schema !== undefined
    ? namedGroup(field, field.schema)
    : withDescription(plainAnswerOf(field), field.answer ?? "");
}

const groups = new Map<string, z.ZodType>();
function namedGroup(field: Group, schema: string): z.ZodType {
  const { answer = "" } = field;
  const made = groups.get(schema) ??
    groupOf(field).openapi(schema, answer === "" ? {} : { description: answer });
  groups.set(schema, made);
  return made;
}

function groupOf({ fields, always }: Group) {
  return z.object(answerShape(fields, always));
}

function plainAnswerOf(field: Field): z.ZodType {
  switch (field.kind) {
    case "text":
    case "id":
      return z.string();
    case "time":
      return timestamp;
    case "flag":
      return z.boolean();
    case "object":
      return anyObject;
    case "count":
      return field.bits === 64 ? int64Out : int32Out;
    case "duration":
      return durationOut;
    case "oneOf":
      return field.answer === undefined ? enumOf(field) : z.enum(field.values);
    case "list":
      return z.array(field.values ? z.enum(field.values) : z.string());
    case "values":
      return z.record(z.string(), z.string());
    case "group":
      return groupOf(field);
  }
}

/** The schema of a request that may leave the field out. */
function optional(schema: z.ZodType, field: Field): z.ZodType {
  const { unset, isDefaultShown, sample } = field;
  const description = requestText(field);
  const outer = isDefaultShown && "value" in unset
    ? schema.default(unset.value)
    : schema.optional();
  if (description === undefined) return outer;
  return outer.openapi({ description, ...sample === undefined ? {} : { example: sample } });
}

function shapeOf(fields: Fields, of: (field: Field, name: string) => z.ZodType): never {
  const shape = Object.entries(fields).map(([name, field]) => [name, of(field, name)]);
  return Object.fromEntries(shape) as never;
}
