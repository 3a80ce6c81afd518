/**
 * Finds what JSON loses of an output. `JSON.stringify` turns a `Map`, a `Response`, a promise or an error into `{}`, and
 * bytes into an object of numbers.
 */
import { anonymous } from "./anonymous.ts";
import { indexOf } from "./primordials.ts";
import * as primordials from "./primordials.ts";

/** What the functions below use, which cannot use imports. */
const TOOLS = {
  ...primordials,
  /** Longest shown name of a class or key, in UTF-16 units. */
  NAME_SHOWN_MAX_UNITS: 100,
};
type Tools = typeof TOOLS;

/** Makes the function that gives the class of an object that JSON loses; undefined for others. */
const makeLostClass = anonymous(function (tools: Tools): (value: object) => string | undefined {
  const { getOwnPropertyDescriptor, getPrototypeOf, isArray, isView, jsonStringify } = tools;
  const { NAME_SHOWN_MAX_UNITS, objectPrototype, ownKeys, slice } = tools;
  const PROTOTYPES_MAX = 64;

  /** The name of the nearest class, without calling a getter. */
  const classOf = (value: object): string => {
    let prototype = getPrototypeOf(value);
    for (let depth = 0; prototype !== null && depth < PROTOTYPES_MAX; depth++) {
      const made: unknown = getOwnPropertyDescriptor(prototype, "constructor")?.value;
      const name: unknown = typeof made === "function"
        ? getOwnPropertyDescriptor(made, "name")?.value
        : undefined;
      if (typeof name === "string" && name !== "") return slice(name, 0, NAME_SHOWN_MAX_UNITS);
      prototype = getPrototypeOf(prototype);
    }
    return "nameless class";
  };

  const hasKeys = (value: object): boolean => {
    const keys = ownKeys(value);
    for (let index = 0; index < keys.length; index++) {
      const key = keys[index] as PropertyKey;
      if (typeof key === "string" && getOwnPropertyDescriptor(value, key)?.enumerable) return true;
    }
    return false;
  };

  return (value) => {
    if (isView(value)) return classOf(value);
    const prototype = getPrototypeOf(value);
    if (prototype === null || prototype === objectPrototype || isArray(value)) return undefined;
    if (hasKeys(value) || jsonStringify(value) !== "{}") return undefined;
    const name = classOf(value);
    // A plain object of another realm, or one that inherits from a plain object.
    return name === "Object" ? undefined : name;
  };
});

/** Makes the function that gives a step of a path: from an object or array to one of its values. */
const makeStep = anonymous(function (
  { charCodeAt, indexOf, isArray, jsonStringify, NAME_SHOWN_MAX_UNITS, slice }: Tools,
): (holder: object, key: string) => string {
  const IDENTIFIER = "$ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz0123456789";

  const isIdentifier = (key: string): boolean => {
    const first = charCodeAt(key, 0);
    if (key === "" || (first >= 0x30 && first <= 0x39)) return false;
    for (let index = 0; index < key.length; index++) {
      if (indexOf(IDENTIFIER, slice(key, index, index + 1)) < 0) return false;
    }
    return true;
  };

  return (holder, key) => {
    if (isArray(holder)) return `[${key}]`;
    const shown = slice(key, 0, NAME_SHOWN_MAX_UNITS);
    return isIdentifier(shown) ? `.${shown}` : `[${jsonStringify(shown)}]`;
  };
});

/** Makes {@link findLoss}. Its result calls user code: getters, `toJSON` and traps of proxies. */
const makeFinder = anonymous(function (
  { createObject, getPrototypeOf, indexOf, jsonStringify, responsePrototype, slice }: Tools,
  lostClass: ReturnType<typeof makeLostClass>,
  step: ReturnType<typeof makeStep>,
): (output: unknown) => string | undefined {
  const PATH_SHOWN_MAX_UNITS = 1000;
  const VOWELS = "AEIOaeio";

  const withArticle = (name: string): string =>
    `${indexOf(VOWELS, slice(name, 0, 1)) < 0 ? "a" : "an"} ${name}`;

  const search = (output: unknown): string | undefined => {
    // The objects around the current one, outermost first, and their paths. They have no prototype with setters.
    const holders = createObject(null) as Record<number, object>;
    const paths = createObject(null) as Record<number, string>;
    let depth = 0;
    let error: string | undefined;
    jsonStringify(output, function (this: object, key: string, value: unknown): unknown {
      if (error !== undefined) return undefined;
      while (depth > 0 && holders[depth - 1] !== this) depth--;
      const path = depth === 0 ? "output" : paths[depth - 1] + step(this, key);
      const isObject = typeof value === "object" && value !== null;
      // Clients attach the response to what they return, such as those of C1 a `rawResponse`.
      const isAttached = isObject && depth > 0 && getPrototypeOf(value) === responsePrototype;
      const lost = isObject && !isAttached
        ? lostClass(value)
        : typeof value === "bigint"
        ? "bigint"
        : undefined;
      if (lost !== undefined) {
        error = depth === 0
          ? `the function returned ${withArticle(lost)}, not a JSON object`
          : `${slice(path, 0, PATH_SHOWN_MAX_UNITS)} is ${
            withArticle(lost)
          }, which JSON cannot represent`;
        return undefined;
      }
      if (!isObject) return value;
      holders[depth] = value;
      paths[depth] = path;
      depth++;
      return value;
    });
    return error;
  };
  return (output) => {
    try {
      return search(output);
    } catch {
      // Reported by the first use of JSON, or the output changes with each read.
      return undefined;
    }
  };
});

/** What JSON loses of an output, as a sentence with its path and class. Only V8 may call it, as a promise reaction. */
export const findLoss = makeFinder(TOOLS, makeLostClass(TOOLS), makeStep(TOOLS));

/** Whether the JSON of an output may be that of a value that it loses. Few outputs need the search. */
export function mayHideLoss(json: string): boolean {
  return indexOf(json, "{}") >= 0 || indexOf(json, '{"0":') >= 0;
}
