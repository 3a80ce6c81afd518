import { quoted, VIOLATION_OPTIONS, violationOf } from "../config/mod.ts";
import { z } from "@hono/zod-openapi";
import { anyMap } from "./messages/of_schema.ts";
import type { ListPage } from "../domain/paging.ts";

/**
 * The scalar types of protobuf's JSON mapping. Input is what clients may send, output is what the
 * server answers; both appear in the OpenAPI document.
 */

const INT32_MAX = 2 ** 31 - 1;

export function encodeBase64(content: Uint8Array | string): string {
  return Buffer.from(content as Uint8Array).toString("base64");
}

/** `bytes` of a request: base64 or base64url, padded or not. */
export const bytesIn = z.string().transform((text, context): Uint8Array => {
  const body = text.replace(/={1,2}$/, "");
  const isStandard = /^[A-Za-z0-9+/]*$/.test(body);
  const isAlphabet = isStandard || /^[A-Za-z0-9_-]*$/.test(body);
  const isWhole = body.length === text.length ? body.length % 4 !== 1 : text.length % 4 === 0;
  if (isAlphabet && isWhole) {
    return Buffer.from(body, isStandard ? "base64" : "base64url");
  }
  context.addIssue({ code: "custom", message: "is not base64" });
  return z.NEVER;
}).openapi({ type: "string", format: "byte" });

/** `bytes` of an answer: standard base64 with padding. */
export const bytesOut = z.string().openapi({ type: "string", format: "byte" });

/** A 32-bit integer; a string of digits is accepted as well. */
export const int32In = z.union([z.number(), z.string().regex(/^-?\d{1,10}$/).transform(Number)], {
  error: "must be a 32-bit integer",
}).refine((n) => Number.isInteger(n) && Math.abs(n) <= INT32_MAX, {
  error: ({ input }) => `must be a 32-bit integer; it is ${input}`,
})
  .openapi({ type: "integer", format: "int32" });

/** A 32-bit integer from 0 on. */
export const countIn = int32In.refine((n) => n >= 0, {
  error: ({ input }) => `must not be negative; it is ${input}`,
});

export const int32Out = z.number().int().openapi({ type: "integer", format: "int32" });

/** A 64-bit integer that a JSON number holds exactly; a string of digits is accepted as well. */
export const int64In = z.union([z.number(), z.string().regex(/^-?\d{1,16}$/).transform(Number)], {
  error: "must be a 64-bit integer",
}).refine((n) => Number.isSafeInteger(n), {
  error: ({ input }) => `must be an integer of at most 53 bits; it is ${input}`,
})
  .openapi({ type: "string", format: "int64" });

/** A 64-bit integer of an answer: a string, as protobuf's JSON mapping has it. */
export const int64Out = z.string().openapi({ type: "string", format: "int64" });

const DURATION = /^(\d{1,9})(?:\.(\d{1,9}))?s$/;
const MS_PER_SECOND = 1000;

/** `google.protobuf.Duration` of a request that is not negative, in whole milliseconds. */
export const durationIn = z.string().transform((text, context) => {
  const [, seconds, fraction = ""] = DURATION.exec(text) ?? [];
  const ms = fraction.padEnd(9, "0");
  if (seconds !== undefined && ms.endsWith("000000")) {
    return MS_PER_SECOND * Number(seconds) + Number(ms.slice(0, 3));
  }
  context.addIssue({
    code: "custom",
    message:
      'must be a number of seconds such as "30s" or "1.5s", with at most 3 decimals; it is ' +
      quoted(text),
  });
  return z.NEVER;
}).openapi({ type: "string", format: "duration", example: "30s" });

/** `google.protobuf.Duration` of an answer. */
export const durationOut = z.string().openapi({ type: "string", format: "duration" });

/** The API's form of a duration. */
export function durationJson(ms: number): string {
  const digits = ms % MS_PER_SECOND === 0 ? 0 : 3;
  return `${(ms / MS_PER_SECOND).toFixed(digits)}s`;
}

export const timestamp = z.iso.datetime({ offset: true }).openapi({
  type: "string",
  format: "date-time",
});

/** A timestamp of a request, as the server keeps times. */
export const timestampIn = z.iso.datetime({
  offset: true,
  error: "must be an RFC 3339 time such as 2026-01-31T12:00:00Z",
})
  .transform((text) => new Date(text).toISOString()).openapi({
    type: "string",
    format: "date-time",
  });

/** `google.protobuf.FieldMask`: `"a,b"` or `{"paths": ["a", "b"]}`. */
export const fieldMask = z.union(
  [z.string(), z.object({ paths: z.array(z.string()).default([]) })],
  {
    error: 'must be a string such as "displayName,description" or {"paths": [...]}',
  },
);

/**
 * A map of a request. A Map and not an object: its keys are the caller's, `__proto__` among them.
 * @param value schema of the values
 */
export function mapIn<Value extends z.ZodType>(value: Value, values: Record<string, unknown>) {
  return anyMap(value).transform((input, context) => {
    const map = new Map<string, z.output<Value>>();
    if (typeof input !== "object" || input === null || Array.isArray(input)) {
      context.addIssue({ code: "custom", message: "must be an object" });
      return z.NEVER;
    }
    for (const [key, member] of Object.entries(input)) {
      const parsed = value.safeParse(member, VIOLATION_OPTIONS);
      if (parsed.success) {
        map.set(key, parsed.data);
        continue;
      }
      for (const issue of parsed.error.issues) {
        context.addIssue({ code: "custom", message: violationOf(issue), path: [key] });
      }
    }
    return map;
  }).openapi({ type: "object", additionalProperties: values });
}

/** Files by path, as requests carry them; an empty map counts as absent, as everywhere in protobuf. */
export const filesIn = mapIn(bytesIn, { type: "string", format: "byte" })
  .transform((files) => files.size === 0 ? undefined : files)
  .openapi({ type: "object", additionalProperties: { type: "string", format: "byte" } });

/** Text of a request. */
export const textIn = z.string().refine((text) => !text.includes("\0"), {
  error: "must not contain a NUL character",
});

/** Longest text of a search; databases bound their patterns. */
const SEARCH_CHARS_MAX = 1024;

/** Text to search for. */
export const searchText = z.string().max(SEARCH_CHARS_MAX);

/** The start of ids to find; empty finds all. */
export const idPrefixIn = z.string().regex(/^[0-9A-Za-z]{0,27}$/, {
  error: "must be the start of an id: at most 27 letters and digits",
}).optional().openapi({ description: "Only invocations whose id begins with this prefix" });
/** A flag of a query. */
export const trueOrFalse = z.enum(["true", "false"]);

/** The page fields in the query of a GET. */
export const pageQuery = z.object({
  page_size: int32In.optional().openapi({
    description: "Default 25; below 10 means 10, above 100 means 100",
  }),
  page_token: z.string().optional().openapi({
    description: "`nextPageToken` of the previous page",
  }),
});

/** The page fields in the body of a POST. */
export const pageBody = { pageSize: int32In.optional(), pageToken: z.string().optional() };

/** The page that the query of a GET names. */
export function pageOf({ page_size, page_token }: z.output<typeof pageQuery>) {
  return { pageSize: page_size, pageToken: page_token };
}

/** A page of a list. */
export function listOf<Item extends z.ZodType>(item: Item) {
  return z.object({
    list: z.array(item),
    nextPageToken: z.string().openapi({ description: "Empty on the last page" }),
  });
}

/** The API's form of a page. @param json the API's form of an entry */
export function pageJson<Row, Item>(
  { list, nextPageToken }: ListPage<Row>,
  json: (row: Row) => Item,
): ListPage<Item> {
  return { list: list.map((row) => json(row)), nextPageToken };
}

export const empty = z.object({});
