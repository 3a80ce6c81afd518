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
  shownMembers,
  type Text,
  type ValueOf,
} from "../resources/field.ts";
import {
  countIn,
  durationIn,
  durationJson,
  durationOut,
  int32In,
  int32Out,
  textIn,
} from "./primitives.ts";

type RequestShape<F extends Fields> = {
  readonly [N in keyof F]: z.ZodOptional<z.ZodType<ValueOf<F[N]>>>;
};
/** Schemas of rules that a table names, such as `role`. */
export type Rules = Readonly<Record<string, z.ZodType>>;

/** What a request can carry. @param rules of the entries of lists, and `values` of maps */
export function requestShape<F extends Fields>(fields: F, rules: Rules = {}): RequestShape<F> {
  return shapeOf(fields, (field) => described(requestOf(field, rules), requestText(field)));
}

type AnswerShape<F extends Fields> = {
  readonly [N in keyof F]: Nullable<
    F[N],
    z.ZodOptional<z.ZodType<unknown, JsonOf<F[N]>>>,
    z.ZodType<unknown, JsonOf<F[N]>>
  >;
};

/** What an answer has. */
export function answerShape<F extends Fields>(
  fields: F,
): AnswerShape<F> {
  return shapeOf(fields, (field) => {
    const schema = answerOf(field);
    return "value" in field.unset ? schema : schema.optional();
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
      return Math.floor(Number(stored) / (field.scale ?? 1));
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
      return textOf(field);
    case "id":
      return z.string();
    case "count":
      return field.min === 0 ? within(field) : countIn;
    case "duration":
      return durationIn;
    case "oneOf":
      return enumOf(field);
    case "list": {
      const { values, rule, max } = field;
      const entries = z.array(
        values ? z.enum(values) : rules[rule ?? ""] ?? textIn,
      );
      return max === undefined ? entries : entries.max(max);
    }
    case "values":
      return rules["values"] ?? z.record(z.string(), z.string());
    case "group":
      return z.object(requestShape(field.fields, rules));
  }
}

function within({ min, max }: Count) {
  return int32In.refine((n) => n >= min && n <= Number(max), {
    error: ({ input }) => `${formatCount(Number(input))} is not between ${min} and ${max}`,
  });
}

const groups = new Map<string, z.ZodType>();
function answerOf(field: Field): z.ZodType {
  switch (field.kind) {
    case "text":
    case "id":
      return z.string();
    case "count":
      return int32Out;
    case "duration":
      return durationOut;
    case "oneOf":
      return enumOf(field);
    case "list":
      return z.array(field.values ? z.enum(field.values) : z.string());
    case "values":
      return z.record(z.string(), z.string());
    case "group": {
      const { schema, answer, always = [] } = field;
      const made = groups.get(schema) ??
        z.object(
          shapeOf(
            shownMembers(field),
            (of, name) => always.includes(name) ? answerOf(of) : answerOf(of).optional(),
          ),
        ).openapi(
          schema,
          answer === undefined ? {} : { description: answer },
        );
      groups.set(schema, made);
      return made;
    }
  }
}

function described(schema: z.ZodType, description: string | undefined): z.ZodType {
  const optional = schema.optional();
  return description === undefined ? optional : optional.openapi({ description });
}

function shapeOf(fields: Fields, of: (field: Field, name: string) => z.ZodType): never {
  const shape = Object.entries(fields).map(([name, field]) => [name, of(field, name)]);
  return Object.fromEntries(shape) as never;
}
