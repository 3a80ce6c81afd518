/**
 * The type of the default export of `main.ts`: the compiler finds nothing wrong with a module that has none, or whose
 * function returns nothing. A violation is a type with a sentence, so that compilers and editors show it.
 */

type IsAny<T> = 0 extends 1 & T ? true : false;

// deno-lint-ignore no-explicit-any -- for any type
type Any = any;

/** What a function can neither return nor take, in words; `ok` for anything else. Of a union, the words of each member. */
type Words<T> = T extends { toJSON(...args: Any[]): infer J } ? WordsOf<J>
  : T extends void | undefined ? "nothing"
  : T extends null ? "null"
  : T extends string ? "a string"
  : T extends number ? "a number"
  : T extends boolean ? "a boolean"
  : T extends bigint ? "a bigint"
  : T extends symbol ? "a symbol"
  : T extends readonly unknown[] ? "an array"
  : T extends (...args: Any[]) => unknown ? "a function"
  : T extends ReadonlyMap<Any, Any> ? "a Map"
  : T extends ReadonlySet<Any> ? "a Set"
  : T extends RegExp ? "a RegExp"
  : T extends Response ? "a Response"
  : T extends Request ? "a Request"
  : T extends Headers ? "a Headers"
  : T extends FormData ? "a FormData"
  : T extends Blob ? "a Blob"
  : T extends ReadableStream<Any> ? "a ReadableStream"
  : T extends ArrayBufferView | ArrayBuffer ? "bytes"
  : T extends Generator<Any, Any, Any> | AsyncGenerator<Any, Any, Any> ? "a generator"
  : "ok";

type WordsOf<T> = IsAny<T> extends true ? "ok" : [T] extends [never] ? "ok" : Words<T>;

/** A function that may return a JSON object can work. */
type ReturnViolation<T> = "ok" extends WordsOf<T> ? "ok" : Sentence<"returns", WordsOf<T>>;

/** A function that may take a JSON object can work, and one that takes nothing. */
type InputViolation<T> = "ok" extends WordsOf<T> ? "ok"
  : [Exclude<WordsOf<T>, "nothing">] extends [never] ? "ok"
  : Sentence<"takes", Exclude<WordsOf<T>, "nothing">>;

type Sentence<V extends string, W extends string> =
  `The default export ${V} ${W}, not a JSON object`;

/** `ok`, or why a value of this type cannot be the default export. */
export type ExportViolation<D> = IsAny<D> extends true ? "ok"
  : D extends (...args: infer P) => infer R
    ? ReturnViolation<Awaited<R>> extends "ok" ? InputViolation<P extends [] ? undefined : P[0]>
    : ReturnViolation<Awaited<R>>
  : "The default export is not a function, and has no fetch";

/** `ok`, or why a value of this type cannot answer requests. */
type FetchViolation<F> = IsAny<F> extends true ? "ok"
  : F extends (...args: Any[]) => infer R ? Awaited<R> extends Response ? "ok"
    : "fetch returns something else than a Response"
  : "fetch is not a function";

/** `ok`, or why this module cannot be `main.ts`. Any of the handlers suffices. */
export type ModuleViolation<M> = M extends { default: infer D } ? IsAny<D> extends true ? "ok"
  : D extends (...args: Any[]) => unknown ? ExportViolation<D>
  : D extends { fetch: infer F } ? FetchViolation<F>
  : M extends { fetch: infer F } ? FetchViolation<F>
  : ExportViolation<D>
  : M extends { fetch: infer F } ? FetchViolation<F>
  : "The module exports neither a default function nor fetch";
