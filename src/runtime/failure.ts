/** Describes errors of a function. The values that a function throws or returns are hostile. */
import {
  assign,
  createObject,
  dataDescriptor,
  defineProperty,
  indexOf,
  isArray,
  jsonStringify,
  slice,
  StringOf,
} from "./primordials.ts";
import {
  type Failure,
  FAILURE_DEPTH_MAX,
  FAILURE_MESSAGE_MAX_UNITS,
  FAILURE_NAME_MAX_UNITS,
  FAILURE_RELATED_MAX,
  FAILURE_STACK_MAX_UNITS,
  RELATED_MESSAGE_MAX_UNITS,
  RELATED_PATH_MAX_UNITS,
  RELATED_STACK_MAX_UNITS,
  type RelatedError,
  type ThrownError,
} from "./wire.ts";

/** Reads a property of a hostile value; undefined if a getter throws. */
function read(value: object, key: string): unknown {
  try {
    return (value as Record<string, unknown>)[key];
  } catch {
    return undefined;
  }
}

/** Text of at most `units` UTF-16 units, or the fallback. */
function text(value: unknown, units: number, fallback: string): string {
  return typeof value === "string" ? slice(value, 0, units) : fallback;
}

function describePrimitive(value: unknown): string {
  if (typeof value === "string") return jsonStringify(slice(value, 0, FAILURE_MESSAGE_MAX_UNITS));
  try {
    return StringOf(value);
  } catch {
    return typeof value;
  }
}

/** Describes a thrown plain object by its JSON, or by its type. */
function describeObject(value: object): string {
  try {
    return slice(jsonStringify(value) ?? typeof value, 0, FAILURE_MESSAGE_MAX_UNITS);
  } catch {
    return typeof value;
  }
}

/** Whether it may have properties of its own. */
export function isObject(value: unknown): value is object {
  return (typeof value === "object" && value !== null) || typeof value === "function";
}

/** Describes what is not an error. */
function describeOther(value: unknown): string {
  return isObject(value) ? describeObject(value) : describePrimitive(value);
}

/** The parts of an error; undefined for what is not an error. */
function errorParts(
  value: unknown,
  messageUnits: number,
  stackUnits: number,
): ThrownError | undefined {
  if (!isObject(value)) return undefined;
  const name = read(value, "name");
  const message = read(value, "message");
  if (typeof name !== "string" && typeof message !== "string") return undefined;
  return {
    name: text(name, FAILURE_NAME_MAX_UNITS, "Error"),
    message: text(message, messageUnits, ""),
    stack: text(read(value, "stack"), stackUnits, ""),
  };
}

/** A list without a prototype, so that no setter of the function sees what is added. */
interface Related {
  readonly thrown: unknown;
  length: number;
  [index: number]: { readonly value: unknown; readonly error: RelatedError };
}

/** Adds an error and those that it names, depth first. */
function addRelated(value: unknown, path: string, depth: number, found: Related): void {
  if (found.length >= FAILURE_RELATED_MAX) return;
  if (isObject(value)) {
    // An error that names itself, or that two others name.
    if (value === found.thrown) return;
    for (let index = 0; index < found.length; index++) {
      if (found[index]?.value === value) return;
    }
  }
  const parts = errorParts(value, RELATED_MESSAGE_MAX_UNITS, RELATED_STACK_MAX_UNITS) ?? {
    name: "",
    message: slice(describeOther(value), 0, RELATED_MESSAGE_MAX_UNITS),
    stack: "",
  };
  const { name, message, stack } = parts;
  const shown = slice(path, 0, RELATED_PATH_MAX_UNITS);
  found[found.length++] = { value, error: { path: shown, name, message, stack } };
  addNamed(value, `${path}.`, depth + 1, found);
}

/** Adds the cause and the members of an error. */
function addNamed(error: unknown, prefix: string, depth: number, found: Related): void {
  if (!isObject(error) || depth > FAILURE_DEPTH_MAX) return;
  const cause = read(error, "cause");
  if (cause !== undefined) addRelated(cause, `${prefix}cause`, depth, found);
  const errors = read(error, "errors");
  try {
    if (!isArray(errors)) return;
    for (let index = 0; index < errors.length && index < FAILURE_RELATED_MAX; index++) {
      addRelated(errors[index], `${prefix}errors[${index}]`, depth, found);
    }
  } catch {
    // A proxy of the function threw.
  }
}

/** Describes a thrown value or an unhandled rejection. */
export function describeThrown(thrown: unknown): Failure & { readonly kind: "uncaught" } {
  const parts = errorParts(thrown, FAILURE_MESSAGE_MAX_UNITS, FAILURE_STACK_MAX_UNITS);
  if (parts === undefined) {
    const message = `a value that is not an error was thrown: ${describeOther(thrown)}`;
    return { kind: "uncaught", name: "", message, stack: "", related: [] };
  }
  const found = assign(createObject(null), { thrown, length: 0 }) as Related;
  addNamed(thrown, "", 1, found);
  const related: RelatedError[] = [];
  for (let index = 0; index < found.length; index++) {
    defineProperty(related, index, dataDescriptor(found[index]?.error, true));
  }
  const { name, message, stack } = parts;
  return { kind: "uncaught", name, message, stack, related };
}

function kindOf(value: unknown): string | undefined {
  if (value === null) return "null";
  if (value === undefined) return "undefined";
  if (typeof value === "bigint") return "a bigint";
  if (typeof value === "function") return "a function";
  if (typeof value !== "object") return `a ${typeof value}`;
  return isArray(value) ? "an array" : undefined;
}

/** Why a returned value is not a JSON object; undefined if it may be one. */
export function outputError(value: unknown): Failure | undefined {
  const kind = kindOf(value);
  return kind === undefined ? undefined : notAnObject(kind);
}

/** The failure of a `fetch` that returned something else than a `Response`. */
export function notAResponse(value: unknown): Failure {
  const kind = kindOf(value) ?? "an object";
  return { kind: "bad-output", message: `fetch returned ${kind}, not a Response` };
}

/** The failure of a function that returned this. */
export function notAnObject(what: string): Failure {
  return { kind: "bad-output", message: `the function returned ${what}, not a JSON object` };
}

/** Why `JSON.stringify` threw on a returned value. */
export function stringifyError(thrown: unknown): Failure {
  const { name, message } = describeThrown(thrown);
  if (name === "RangeError" && indexOf(message, "Invalid string length") >= 0) {
    return { kind: "output-too-large", bytes: -1 };
  }
  const shown = `${name === "" ? "" : `${name}: `}${message}`;
  return { kind: "bad-output", message: `the output cannot be turned into JSON: ${shown}` };
}

function partsJson({ name, message, stack }: ThrownError): string {
  return `"name":${jsonStringify(name)},"message":${jsonStringify(message)},"stack":${
    jsonStringify(stack)
  }`;
}

function relatedJson(related: readonly RelatedError[]): string {
  let json = "";
  for (let index = 0; index < related.length; index++) {
    const error = related[index] as RelatedError;
    json += `${index === 0 ? "" : ","}{"path":${jsonStringify(error.path)},${partsJson(error)}}`;
  }
  return json;
}

/** The JSON text of a failure, built by hand because user code may have added `toJSON` to prototypes. */
export function failureJson(failure: Failure): string {
  const kind = `{"kind":${jsonStringify(failure.kind)}`;
  switch (failure.kind) {
    case "uncaught":
      return `${kind},${partsJson(failure)},"related":[${relatedJson(failure.related)}]}`;
    case "bad-output":
      return `${kind},"message":${jsonStringify(failure.message)}}`;
    case "output-too-large":
      return `${kind},"bytes":${jsonStringify(failure.bytes)}}`;
    case "stalled":
      return `${kind}}`;
    case "no-handler":
      return `${kind},"wanted":${jsonStringify(failure.wanted)}}`;
  }
}
