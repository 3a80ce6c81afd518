/** The fields of a resource in the domain, from `src/resources`: their columns and their ranges. */
import { countOf, formatBytes, formatCount, formatDuration } from "../config/mod.ts";
import {
  type Columns,
  type Count,
  type Duration,
  type Field,
  type Fields,
  isUnset,
  scaleOf,
  type Wanted,
} from "../resources/field.ts";
import type { FieldViolation } from "./errors.ts";

/** Maxima by the flags of the server that set them, in units of the columns. */
export type Maxima = Readonly<Record<string, number>>;

/** The columns of all fields. */
export function columnsOf<F extends Fields>(fields: F, wanted: Wanted<F>): Columns<F> {
  return columnsByName(fields, wanted, Object.keys(fields)) as Columns<F>;
}

/** The columns of the fields of these names. */
export function changedColumns<F extends Fields>(
  fields: F,
  wanted: Wanted<F>,
  names: readonly (keyof F & string)[],
): Partial<Columns<F>> {
  return columnsByName(fields, wanted, names) as Partial<Columns<F>>;
}

function columnsByName(
  fields: Fields,
  wanted: Readonly<Record<string, unknown>>,
  names: readonly string[],
): object {
  return Object.fromEntries(names.flatMap((name) => {
    const field = fields[name];
    return field === undefined ? [] : [[field.column ?? name, columnOf(field, wanted[name])]];
  }));
}

function columnOf(field: Field, value: unknown): unknown {
  if (isUnset(field, value)) {
    return "value" in field.unset ? stored(field, field.unset.value) : null;
  }
  return stored(field, value);
}

function stored(field: Field, value: unknown): unknown {
  switch (field.kind) {
    case "count":
      return Number(value) * scaleOf(field);
    case "flag":
      return Number(value);
    case "list":
    case "values":
      return JSON.stringify(value);
    case "group": {
      const members = Object.entries(value as object).filter(([name, member]) => {
        const of = field.fields[name];
        return of !== undefined && !of.isHidden && !isUnset(of, member);
      });
      return members.length === 0 ? null : JSON.stringify(Object.fromEntries(members));
    }
    default:
      return value;
  }
}

/** The values outside of their ranges, and the texts of a wrong form. @param prefix of the fields in the request */
export function rangeViolations(
  fields: Fields,
  wanted: object,
  prefix: string,
  maxima: Maxima = {},
): FieldViolation[] {
  const values = wanted as Readonly<Record<string, unknown>>;
  return Object.entries(fields).flatMap(([name, field]) => {
    const value = values[name];
    if (value === undefined) return [];
    switch (field.kind) {
      case "group":
        return rangeViolations(field.fields, value as object, `${prefix}${name}.`, maxima);
      case "text":
        return field.isPointer ? pointerViolations(String(value), prefix + name) : [];
      case "count":
      case "duration":
        return outside(field, Number(value), prefix + name, maxima);
      default:
        return [];
    }
  });
}

function outside(
  field: Count | Duration,
  value: number,
  path: string,
  maxima: Maxima,
): FieldViolation[] {
  const scale = field.kind === "count" ? scaleOf(field) : 1;
  const [max, flag] = typeof field.max === "number"
    ? [field.max * scale, undefined]
    : [maxima[field.max.flag] ?? Infinity, field.max.flag];
  const amount = value * scale;
  if (value === 0 || (amount >= field.min * scale && amount <= max)) return [];
  const format = formatOf(field);
  const description = `${format(amount)} is not between ${format(field.min * scale)} and ${
    format(max)
  }${flag === undefined ? "" : ` (${flag})`}`;
  return [{ field: path, description }];
}

function formatOf(field: Count | Duration): (amount: number) => string {
  if (field.kind === "duration") return formatDuration;
  if (field.unit !== undefined) return formatBytes;
  const { noun } = field;
  return noun === undefined ? formatCount : (amount) => countOf(amount, noun);
}

const POINTER_CHARS_MAX = 256;

function pointerViolations(pointer: string, field: string): FieldViolation[] {
  if (!pointer) return [];
  const isValid = /^(?:\/(?:[^~/]|~[01])*)+$/.test(pointer) && pointer.length <= POINTER_CHARS_MAX;
  if (isValid) return [];
  const description = `must be a JSON Pointer such as /user/id of at most ${POINTER_CHARS_MAX} ` +
    "characters (RFC 6901)";
  return [{ field, description }];
}
