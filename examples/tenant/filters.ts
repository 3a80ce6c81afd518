/** Filters of searches: which fields of a request select rows, in which form, and how. */
import { invalidField, notInExample } from "./errors.ts";

/** The body of a request. */
export type Body = Readonly<Record<string, unknown>>;

/** One field of a search. */
export interface Filter<Row> {
  /** Throws {@link TenantStatus} for a value of another form. @returns undefined for a value that selects all */
  read(field: string, value: unknown): ((row: Row) => boolean) | undefined;
}

/** Fields of a search by name. */
export type Filters<Row> = Readonly<Record<string, Filter<Row>>>;

/** Fields that select no rows. `expandMask` is allowed, and nothing is expanded. */
const OTHER_FIELDS: readonly string[] = ["pageSize", "pageToken", "expandMask", "includeDeleted"];

/**
 * The rows that all filters of a request select.
 * @throws {TenantStatus} for a value of a wrong form, and for a filter that the example does not have
 */
export function select<Row>(
  rows: readonly Row[],
  filters: Filters<Row>,
  body: Body,
): readonly Row[] {
  let selected = rows;
  for (const [field, value] of Object.entries(body)) {
    if (OTHER_FIELDS.includes(field) || isEmpty(value)) continue;
    const filter = Object.hasOwn(filters, field) ? filters[field] : undefined;
    if (filter === undefined) {
      throw notInExample(`the field ${JSON.stringify(field)} of this search`);
    }
    const matches = filter.read(field, value);
    if (matches !== undefined) selected = selected.filter(matches);
  }
  return selected;
}

/** The default of a field in protobuf JSON. */
function isEmpty(value: unknown): boolean {
  return value === undefined || value === null || value === "" || value === false ||
    Array.isArray(value) && value.length === 0;
}

/** A text that is a part of one of the row's texts, in any case. */
export function textIn<Row>(textsOf: (row: Row) => readonly string[]): Filter<Row> {
  return {
    read(field, value) {
      const wanted = textOf(field, value).toLowerCase();
      return (row) => textsOf(row).some((text) => text.toLowerCase().includes(wanted));
    },
  };
}

/** A text that is equal to that of the row, in any case. */
export function textIs<Row>(of: (row: Row) => string): Filter<Row> {
  return {
    read(field, value) {
      const wanted = textOf(field, value).toLowerCase();
      return (row) => of(row).toLowerCase() === wanted;
    },
  };
}

/** A list with one of the row's texts. @param allowed every text that may be in the list; undefined for any */
export function anyOf<Row>(
  textsOf: (row: Row) => readonly string[],
  allowed?: readonly string[],
): Filter<Row> {
  return {
    read(field, value) {
      const wanted = textsIn(field, value, allowed);
      return (row) => textsOf(row).some((text) => wanted.has(text));
    },
  };
}

/** A list without any of the row's texts. */
export function noneOf<Row>(
  textsOf: (row: Row) => readonly string[],
  allowed?: readonly string[],
): Filter<Row> {
  return {
    read(field, value) {
      const excluded = textsIn(field, value, allowed);
      return (row) => !textsOf(row).some((text) => excluded.has(text));
    },
  };
}

/** A list of objects, one of which has a reference's fields as the row has them, such as `{id}` or `{appId, id}`. */
export function refersTo<Row>(fields: Readonly<Record<string, (row: Row) => string>>): Filter<Row> {
  return {
    read(field, value) {
      const references = objectsIn(field, value);
      return (row) =>
        references.some((reference) =>
          Object.entries(fields).every(([name, of]) =>
            reference[name] === undefined || reference[name] === of(row)
          )
        );
    },
  };
}

/** Selects by `true`. */
export function isTrue<Row>(matches: (row: Row) => boolean): Filter<Row> {
  return {
    read(field, value) {
      if (typeof value !== "boolean") throw invalidField(field, "it is not a boolean");
      return matches;
    },
  };
}

/** A time that the row is after, or before. */
export function timeIs<Row>(
  side: "after" | "before",
  of: (row: Row) => string,
): Filter<Row> {
  return {
    read(field, value) {
      const limit = Date.parse(textOf(field, value));
      if (Number.isNaN(limit)) throw invalidField(field, "it is not a time of RFC 3339");
      return (row) => side === "after" ? Date.parse(of(row)) > limit : Date.parse(of(row)) < limit;
    },
  };
}

/** @throws {TenantStatus} unless it is a list of objects */
export function objectsIn(field: string, value: unknown): readonly Body[] {
  const isList = Array.isArray(value) &&
    value.every((item) => typeof item === "object" && item !== null && !Array.isArray(item));
  if (!isList) throw invalidField(field, "it is not a list of objects");
  return value;
}

function textOf(field: string, value: unknown): string {
  if (typeof value !== "string") throw invalidField(field, "it is not a string");
  return value;
}

function textsIn(
  field: string,
  value: unknown,
  allowed: readonly string[] | undefined,
): ReadonlySet<string> {
  if (!Array.isArray(value) || value.some((item) => typeof item !== "string")) {
    throw invalidField(field, "it is not a list of strings");
  }
  const unknown = value.find((item) => allowed?.includes(item) === false);
  if (unknown !== undefined) {
    throw invalidField(field, `${JSON.stringify(unknown)} is not one of ${allowed?.join(", ")}`);
  }
  return new Set(value);
}
