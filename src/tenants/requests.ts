/** From the arguments of a method of the SDK to the request of its operation. */
import { formatCount, nearest } from "../config/mod.ts";
import { InvalidArgument, type TenantRequest } from "./contract.ts";
import { type Field, fieldsOf, type Kind, type TenantOperation } from "./operation_table.ts";
import { expectedOf } from "./scalars.ts";

/** Longest path with its query, encoded. */
const PATH_MAX_CHARS = 16_384;
const TOO_LONG = `is too long: the encoded path and query have at most ${
  formatCount(PATH_MAX_CHARS)
} characters`;

/** Longest field that an error names as a whole. */
const FIELD_SHOWN_CHARS = 256;

type Fields = Readonly<Record<string, unknown>>;

/**
 * The request that C1's SDK would send.
 * @param request the first argument of the method, as JSON; undefined or null for none
 * @throws {InvalidArgument} for a field that is missing, unknown, or of another type
 */
export function requestOf(operation: TenantOperation, request: unknown): TenantRequest {
  const { namespace, method, access, verb, ofPath, ofQuery, body } = operation;
  const fail = (field: string, description: string): never => {
    throw new InvalidArgument(operation, shown(field), description);
  };
  const parameters = [...ofPath, ...ofQuery].map(({ sdkName }) => sdkName);
  // The first argument of a method without a request is its options.
  const fields = parameters.length > 0 || body !== undefined ? request ?? {} : {};
  if (!isObject(fields)) return fail("request", `is ${typeNameOf(fields)}, not an object`);
  const isWhole = body !== undefined && body.key === undefined;
  // Before what is missing: the field may be misspelt.
  if (!isWhole) {
    const known = body?.key === undefined ? parameters : [...parameters, body.key];
    rejectUnknown(fields, known, "", fail);
  }
  const base = {
    operation: { namespace, method },
    access,
    verb,
    path: `${pathOf(operation.path, ofPath, fields, fail)}${queryOf(ofQuery, fields, fail)}`,
  };
  if (base.path.length > PATH_MAX_CHARS) fail(longestOf(parameters, fields), TOO_LONG);
  if (isWhole) {
    const whole = request === undefined || request === null ? undefined : fields;
    return { ...base, body: bodyOf(body.message, whole, "", fail) };
  }
  const value = body?.key === undefined ? undefined : fields[body.key] ?? undefined;
  return {
    ...base,
    body: body?.key === undefined ? undefined : bodyOf(body.message, value, `${body.key}.`, fail),
  };
}

/** A field as errors name it: the function chooses its keys, however long. */
function shown(field: string): string {
  const isLong = field.length > FIELD_SHOWN_CHARS;
  return isLong ? `${field.slice(0, FIELD_SHOWN_CHARS).toWellFormed()}...` : field;
}

type Fail = (field: string, description: string) => never;

function pathOf(
  template: string,
  parameters: readonly Field[],
  fields: Fields,
  fail: Fail,
): string {
  return parameters.reduce((path, { name, sdkName, kind }) => {
    const value = convert(kind, fields[sdkName] ?? fail(sdkName, "is missing"), sdkName, fail);
    const text = String(value);
    if (text === "") return fail(sdkName, "is empty");
    // Whoever resolves the URL would drop the segment, even in its encoded form.
    if (text === "." || text === "..") return fail(sdkName, `is "${text}", which is not an id`);
    return path.replace(`{${name}}`, () => encoded(text, sdkName, fail));
  }, template);
}

/** The parameter that a path is too long for. */
function longestOf(parameters: readonly string[], fields: Fields): string {
  const lengthOf = (name: string) => String(fields[name] ?? "").length;
  return parameters.reduce((longest, name) => lengthOf(name) > lengthOf(longest) ? name : longest);
}

function encoded(text: string, sdkName: string, fail: Fail): string {
  return text.isWellFormed()
    ? encodeURIComponent(text)
    : fail(sdkName, "is not well-formed Unicode");
}

/** The query with its question mark; empty without parameters. */
function queryOf(parameters: readonly Field[], fields: Fields, fail: Fail): string {
  const pairs = parameters.flatMap(({ name, sdkName, kind }) => {
    const value = fields[sdkName] ?? undefined;
    if (value === undefined) return [];
    const converted = convert(kind, value, sdkName, fail);
    return [converted].flat().map((each) =>
      `${encodeURIComponent(name)}=${encoded(String(each), sdkName, fail)}`
    );
  });
  return pairs.length === 0 ? "" : `?${pairs.join("&")}`;
}

function bodyOf(
  message: string,
  value: unknown,
  prefix: string,
  fail: Fail,
): string | undefined {
  if (value === undefined) return undefined;
  if (!isObject(value)) {
    return fail(prefix.slice(0, -1), `is ${typeNameOf(value)}, not an object`);
  }
  return JSON.stringify(messageOf(message, value, prefix, fail));
}

/** The message with the names of JSON. As in C1's SDK, fields that only answers have are left out. */
function messageOf(id: string, value: Fields, prefix: string, fail: Fail): Fields {
  const { all, sdkNames } = fieldsOf(id);
  rejectUnknown(value, sdkNames, prefix, fail);
  const given = all.filter(({ sdkName, isRequired }) => {
    const isGiven = Object.hasOwn(value, sdkName) && value[sdkName] !== undefined;
    return isGiven || (isRequired && fail(`${prefix}${sdkName}`, "is missing"));
  });
  return Object.fromEntries(
    given.filter(({ isReadOnly }) => !isReadOnly).map(({ name, sdkName, kind }) => [
      name,
      convert(kind, value[sdkName], `${prefix}${sdkName}`, fail),
    ]),
  );
}

/** A value as JSON has it. The field `null` passes: it means that the field is absent. */
function convert(kind: Kind, value: unknown, path: string, fail: Fail): unknown {
  if (value === null) return null;
  switch (kind.is) {
    case "list":
      if (!Array.isArray(value)) return fail(path, `is ${typeNameOf(value)}, not a list`);
      return value.map((item, index) => memberOf(kind.of, item, `${path}[${index}]`, fail));
    case "map":
      if (!isObject(value)) return fail(path, `is ${typeNameOf(value)}, not an object`);
      return Object.fromEntries(
        Object.entries(value)
          .map(([key, of]) => [key, memberOf(kind.of, of, `${path}.${key}`, fail)]),
      );
    case "message":
      if (!isObject(value)) return fail(path, `is ${typeNameOf(value)}, not an object`);
      return messageOf(kind.id, value, `${path}.`, fail);
    case "typed":
      return typedOf(value, path, fail);
    case "json":
      return value;
    default: {
      const expected = expectedOf(kind.is, value);
      if (expected !== undefined) fail(path, `is ${typeNameOf(value)}, not ${expected}`);
      return kind.is === "longNumber" ? String(value) : value;
    }
  }
}

/** An item of a list or a value of a map, which cannot be `null`, as in C1's SDK. */
function memberOf(kind: Kind, value: unknown, path: string, fail: Fail): unknown {
  const isMissing = value === null && kind.is !== "json";
  return isMissing ? fail(path, "is null") : convert(kind, value, path, fail);
}

function typedOf(value: unknown, path: string, fail: Fail): unknown {
  if (!isObject(value)) return fail(path, `is ${typeNameOf(value)}, not an object`);
  rejectUnknown(value, ["atType", "additionalProperties"], `${path}.`, fail);
  const { atType, additionalProperties = {} } = value;
  if (!isObject(additionalProperties)) {
    return fail(
      `${path}.additionalProperties`,
      `is ${typeNameOf(additionalProperties)}, not an object`,
    );
  }
  return { ...additionalProperties, ...atType === undefined ? {} : { "@type": atType } };
}

function rejectUnknown(
  value: Fields,
  known: readonly string[],
  prefix: string,
  fail: Fail,
): void {
  const unknown = Object.keys(value).find((key) => !known.includes(key));
  if (unknown === undefined) return;
  const likely = nearest(unknown, known);
  const hint = likely !== undefined
    ? `; did you mean ${likely}?`
    : known.length === 0
    ? ": the method takes no fields"
    : `: use ${known.join(", ")}`;
  fail(`${prefix}${unknown}`, `is not a field of the request${hint}`);
}

function typeNameOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  return { string: "text", number: "a number", boolean: "true or false", object: "an object" }[
    typeof value as string
  ] ?? typeof value;
}

function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
