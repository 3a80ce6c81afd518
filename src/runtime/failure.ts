/** Describes errors of a function. What the function threw or returned is hostile. */
import { indexOf, isArray, jsonStringify, slice, StringOf } from "./primordials.ts";
import {
  type Failure,
  FAILURE_MESSAGE_MAX_UNITS,
  FAILURE_NAME_MAX_UNITS,
  FAILURE_STACK_MAX_UNITS,
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

/** Describes a thrown value or an unhandled rejection. */
export function describeThrown(thrown: unknown): Failure {
  if ((typeof thrown !== "object" && typeof thrown !== "function") || thrown === null) {
    const message = `a value that is no error was thrown: ${describePrimitive(thrown)}`;
    return { kind: "uncaught", name: "", message, stack: "" };
  }
  const name = read(thrown, "name");
  const message = read(thrown, "message");
  if (typeof name !== "string" && typeof message !== "string") {
    const shown = `a value that is no error was thrown: ${describeObject(thrown)}`;
    return { kind: "uncaught", name: "", message: shown, stack: "" };
  }
  return {
    kind: "uncaught",
    name: text(name, FAILURE_NAME_MAX_UNITS, "Error"),
    message: text(message, FAILURE_MESSAGE_MAX_UNITS, ""),
    stack: text(read(thrown, "stack"), FAILURE_STACK_MAX_UNITS, ""),
  };
}

/** Why a returned value is not a JSON object; undefined if it may be one. */
export function outputFault(value: unknown): string | undefined {
  if (value === null) return "null";
  if (value === undefined) return "undefined";
  if (typeof value === "bigint") return "a bigint";
  if (typeof value === "function") return "a function";
  if (typeof value !== "object") return `a ${typeof value}`;
  return isArray(value) ? "an array" : undefined;
}

/** Why `JSON.stringify` threw on a returned value. */
export function stringifyFault(thrown: unknown): Failure {
  const { name, message } = describeThrown(thrown) as Failure & { kind: "uncaught" };
  if (name === "RangeError" && indexOf(message, "Invalid string length") >= 0) {
    return { kind: "output-too-large", bytes: -1 };
  }
  const reason = `a value that cannot be turned into JSON: ${name === "" ? "" : `${name}: `}`;
  return { kind: "bad-output", reason: reason + message };
}

/** The JSON text of a failure, built by hand because user code may have added `toJSON` to prototypes. */
export function failureJson(failure: Failure): string {
  const kind = `{"kind":${jsonStringify(failure.kind)}`;
  switch (failure.kind) {
    case "uncaught":
      return `${kind},"name":${jsonStringify(failure.name)},"message":${
        jsonStringify(failure.message)
      },"stack":${jsonStringify(failure.stack)}}`;
    case "bad-output":
      return `${kind},"reason":${jsonStringify(failure.reason)}}`;
    case "output-too-large":
      return `${kind},"bytes":${jsonStringify(failure.bytes)}}`;
    case "stalled":
      return `${kind}}`;
  }
}
