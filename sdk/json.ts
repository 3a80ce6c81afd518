/** A value of JSON. */
export type JSONValue = string | number | boolean | null | JSONObject | JSONArray;
/** An array of JSON. */
export type JSONArray = JSONValue[];
/**
 * An object of JSON: the input and output of a function. Its values are `any`, because only then is a value whose type is
 * an interface assignable to it. The symbols keep out arrays, maps, promises, dates and functions, which `any` lets in.
 */
export interface JSONObject {
  // deno-lint-ignore no-explicit-any -- the one type of values with which an interface is assignable
  [key: string]: any;
  readonly [Symbol.iterator]?: never;
  readonly [Symbol.asyncIterator]?: never;
  readonly [Symbol.toStringTag]?: never;
  readonly [Symbol.toPrimitive]?: never;
  readonly [Symbol.hasInstance]?: never;
}
