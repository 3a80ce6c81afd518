/** What a field of a resource is. Plain data: any folder, the console and scripts may read it; nothing is imported here. */

/** What all fields have. */
interface Base {
  /** What it means, for readers of answers, of `invoked.json` and of the docs. */
  readonly about?: string;
  /** What it means for writers of requests, where that differs. What an absent value means follows from `unset`. */
  readonly request?: string;
  /** Ends the description of requests, after what an absent value means. */
  readonly note?: string;
  /** A link to what the docs say of it, in Markdown; the docs repeat its meaning by default. */
  readonly docs?: string;
  /** Name in forms; the words of its name by default. */
  readonly label?: string;
  /** What a form says below the label; `about` by default, nothing if it is empty. */
  readonly hint?: string;
  /** What an empty field of a form shows; what counts then by default. */
  readonly placeholder?: string;
  /** An example in the OpenAPI document. */
  readonly sample?: string;
  /** Whether the OpenAPI document states the value of `unset` as its default. */
  readonly isDefaultShown?: true;
  /** Whether answers never have it: a secret. */
  readonly isHidden?: true;
  /** Its description in answers. An enum with one is part of its object there, and has no schema of its own. */
  readonly answer?: string;
  /** The column, if its name differs. */
  readonly column?: string;
  /** Its name in `invoked.json`, if it differs; null if it is not there. */
  readonly file?: string | null;
  /** How `invoked settings set` takes it. Without an example, the field is set by other means. */
  readonly example?: string;
  /** Whether C1's API has it, too. */
  readonly isOfC1?: true;
  readonly unset: Unset;
}
/**
 * What an absent, empty or zero value means. `value` is stored instead, and answered. Otherwise the column is null
 * and answers leave the field out: `inForce` then counts, or `null` says who decides.
 */
type Unset =
  | { readonly value: unknown }
  | { readonly inForce: unknown }
  | { readonly null: string };

/** The server sets the field: its column is never null, and answers always have it. */
export const BY_SERVER = { value: undefined } as const;
/** The field may be absent, and then means nothing. */
export const NONE = { null: "" } as const;
export const SERVER_ID = { kind: "id", unset: BY_SERVER } as const;
export const SERVER_TIME = { kind: "time", unset: BY_SERVER } as const;

export interface Text extends Base {
  readonly kind: "text";
  readonly max?: number;
  readonly isPointer?: true;
  readonly isNeeded?: true;
  /** The name of a rule that `src/api` checks. */
  readonly rule?: string;
}
/** The id of another resource. */
interface Id extends Base {
  readonly kind: "id";
}
export interface Count extends Base {
  readonly kind: "count";
  readonly min: number;
  readonly max: number | OperatorMaximum;
  /** Of 64 bits, which JSON has as text. */
  readonly bits?: 64;
  /** What is counted, in the singular, such as `invocation`. */
  readonly noun?: string;
  /** What a value is measured in; the column has bytes. */
  readonly unit?: "MiB";
}
export interface Duration extends Base {
  readonly kind: "duration";
  /** Milliseconds. */
  readonly min: number;
  readonly max: number | OperatorMaximum;
}
export interface OneOf<Values extends readonly string[] = readonly string[]> extends Base {
  readonly kind: "oneOf";
  readonly values: Values;
  /** Its name in the OpenAPI document. */
  readonly schema: string;
  /** What forms call the values that they offer. */
  readonly labels: Readonly<Record<string, string>>;
}
export interface List<Item extends string = string> extends Base {
  readonly kind: "list";
  readonly max?: number;
  readonly values?: readonly Item[];
  readonly labels?: Readonly<Record<string, string>>;
  /** What is wrong with an empty list, if only an absent list means `unset`. */
  readonly emptyViolation?: string;
  /** The name of a rule for its entries that `src/api` checks. */
  readonly rule?: string;
}
/** Texts by name. */
interface Values extends Base {
  readonly kind: "values";
}
/** A JSON object with any members. */
interface AnyObject extends Base {
  readonly kind: "object";
}
/** A time, RFC 3339. */
interface Time extends Base {
  readonly kind: "time";
}
interface Flag extends Base {
  readonly kind: "flag";
}
export interface Group<F extends Fields = Fields> extends Base {
  readonly kind: "group";
  readonly fields: F;
  /** Its name in the OpenAPI document; without one, it is a part of its object there. */
  readonly schema?: string;
  /** Members that answers always have, once the group is set. */
  readonly always?: readonly string[];
  /** Members that requests with the group must have. */
  readonly needed?: readonly string[];
}
export type Field =
  | Text
  | Id
  | Count
  | Duration
  | OneOf
  | List
  | Values
  | AnyObject
  | Time
  | Flag
  | Group;
export type Fields = Readonly<Record<string, Field>>;

/** A maximum that a flag of the server sets. */
interface OperatorMaximum {
  readonly flag: string;
}

/** The value of a field in the domain: durations are milliseconds. */
export type ValueOf<F extends Field> = F extends Group<infer Inner> ? Wanted<Inner>
  : F extends OneOf<infer V> ? V[number]
  : F extends List<infer Item> ? readonly Item[]
  : F extends Values ? Readonly<Record<string, string>>
  : F extends AnyObject ? Readonly<Record<string, unknown>>
  : F extends Flag ? boolean
  : F extends Count | Duration ? number
  : string;
/** What a request asks for; absent means `unset`. */
export type Wanted<F extends Fields> = { readonly [N in keyof F]?: ValueOf<F[N]> | undefined };

/** The value of a field in JSON of the API: durations are text such as `1.5s`. */
export type JsonOf<F extends Field> = F extends Group<infer Inner> ? Partial<Json<Inner>>
  : F extends Duration | { readonly bits: 64 } ? string
  : F extends List<infer Item> ? Item[]
  : F extends Values ? Record<string, string>
  : F extends AnyObject ? Record<string, unknown>
  : ValueOf<F>;
/** What an answer has: always where a value is stored in place of an absent one. */
export type Json<F extends Fields> =
  & { -readonly [N in keyof F as Nullable<F[N], never, N>]: JsonOf<F[N]> }
  & { -readonly [N in keyof F as Nullable<F[N], N, never>]?: JsonOf<F[N]> };
/** One of two types, by whether the column of an unset field is null. */
export type Nullable<F extends Field, Yes, No> = F["unset"] extends { readonly value: unknown } ? No
  : Yes;

type Settled<F extends Field> = F extends OneOf<infer V>
  ? Exclude<V[number], `${string}_UNSPECIFIED`>
  : F extends Group<infer Inner> ? Complete<Inner>
  : ValueOf<F>;
/** The values with those that absent ones mean. */
export type Complete<F extends Fields> =
  & { readonly [N in keyof F as Nullable<F[N], never, N>]: Settled<F[N]> }
  & { readonly [N in keyof F as Nullable<F[N], N, never>]?: Settled<F[N]> | undefined };

/** Fills in what absent, empty and zero values mean. Values of other fields are left out. */
export function complete<F extends Fields>(fields: F, given: object): Complete<F> {
  const values = given as Readonly<Record<string, unknown>>;
  return Object.fromEntries(
    Object.entries(fields).flatMap(([name, field]) => {
      const value = settled(field, values[name]);
      return value === undefined ? [] : [[name, value]];
    }),
  ) as Complete<F>;
}

function settled(field: Field, value: unknown): unknown {
  const isObject = typeof value === "object" && value !== null;
  if (field.kind === "group" && isObject) return complete(field.fields, value);
  if (!isUnset(field, value)) return value;
  return "value" in field.unset ? field.unset.value : undefined;
}

type ColumnName<N, F> = F extends { readonly column: infer C extends string } ? C : N;
type Stored<F extends Field> = F extends Count | Duration | Flag ? number
  : F extends OneOf<infer V> ? Exclude<V[number], `${string}_UNSPECIFIED`>
  : string;
/** The columns of the fields. */
export type Columns<F extends Fields> = {
  -readonly [N in keyof F as ColumnName<N, F[N]> & string]:
    | Stored<F[N]>
    | Nullable<F[N], null, never>;
};

/** The names of the columns of the fields. */
export function columnNames<F extends Fields>(fields: F): readonly (keyof Columns<F>)[] {
  return Object.entries(fields).map(([name, { column = name }]) => column as keyof Columns<F>);
}

type FileName<N, F> = F extends { readonly file: infer Name } ? Name : N;
type Needed<F extends Fields> = {
  [N in keyof F]: F[N] extends { readonly isNeeded: true } ? N : never;
}[keyof F];
/** The fields as `invoked.json` has them. */
export type InFile<F extends Fields> =
  & { readonly [N in Needed<F> as FileName<N, F[N]> & string]: JsonOf<F[N]> }
  & {
    readonly [N in Exclude<keyof F, Needed<F>> as FileName<N, F[N]> & string]?:
      | JsonOf<F[N]>
      | undefined;
  };

/** The names of the fields that `invoked settings set` takes. */
export type Settable<F extends Fields> = {
  [N in keyof F]: F[N] extends { readonly example: string } ? N : never;
}[keyof F];

/** Whether a value means that the field is unset, as in protobuf. */
export function isUnset({ kind }: Field, value: unknown): boolean {
  if (kind === "oneOf" && String(value).endsWith("_UNSPECIFIED")) return true;
  if (typeof value === "string") return value === "";
  if (Array.isArray(value)) return value.length === 0;
  if (typeof value === "object" && value !== null) return Object.keys(value).length === 0;
  return value === undefined || value === null || value === 0;
}

/** What a request carries to unset a field. */
export function unsetOf(field: Field): string | number | boolean | object {
  if ("value" in field.unset) return field.unset.value as string | number | boolean | object;
  switch (field.kind) {
    case "count":
      return 0;
    case "duration":
      return "0s";
    case "oneOf":
      return field.values[0] ?? "";
    case "text":
    case "id":
    case "time":
      return "";
    case "flag":
      return false;
    case "list":
      return [];
    case "values":
    case "object":
    case "group":
      return {};
  }
}

const MS_PER_SECOND = 1_000;

/** What counts while a field is unset; undefined if its value says that, or nothing does. */
export function unsetText({ kind, unset }: Field): string | undefined {
  if ("null" in unset) return unset.null === "" ? undefined : unset.null;
  if (!("inForce" in unset)) return undefined;
  const { inForce } = unset;
  if (kind === "duration") return `${Number(inForce) / MS_PER_SECOND}s`;
  return Array.isArray(inForce) ? inForce.join(", ") : String(inForce);
}

/** How requests leave a field unset. */
const UNSET_WORDS: Partial<Record<Field["kind"], string>> = {
  count: "0 or absent",
  duration: "0s or absent",
  list: "empty",
};

/** The values that people write; UNSPECIFIED among them if nothing else unsets the field. */
export function writtenValues({ values, unset }: OneOf): readonly string[] {
  return values.filter((value) => !("value" in unset) || !value.endsWith("_UNSPECIFIED"));
}

/** The fields that answers have. */
export function shown(fields: Fields): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([, { isHidden }]) => !isHidden));
}

/** The words of a name, such as `retry policy`. */
export function wordsOf(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

/** What people read for the name of a field. */
export function labelOf(name: string, field: Field): string {
  const words = wordsOf(name);
  const label = field.label ?? words.charAt(0).toUpperCase() + words.slice(1);
  return field.kind === "count" && field.unit !== undefined ? `${label} in ${field.unit}` : label;
}

/** The description in requests. */
export function requestText(field: Field): string | undefined {
  const { kind, request, about, note = "" } = field;
  const isNeverEmpty = kind === "list" && field.emptyViolation !== undefined;
  const [words, inForce] = [isNeverEmpty ? "absent" : UNSET_WORDS[kind], unsetText(field)];
  const isSaid = words !== undefined && inForce !== undefined;
  const meaning = request ?? (kind === "group" || !isSaid ? about : undefined);
  const parts = [meaning, isSaid ? `${words}: ${inForce}${note}` : undefined];
  return parts.filter((part) => part !== undefined).join("; ") || undefined;
}

/** Units of the column in a unit of the API. */
export function scaleOf({ unit }: Count): number {
  return unit === undefined ? 1 : 1024 * 1024;
}

/** Whether a flag of the server is the maximum of a field. */
export function isLimited(field: Field): field is Field & { readonly max: OperatorMaximum } {
  return "max" in field && typeof field.max === "object";
}
