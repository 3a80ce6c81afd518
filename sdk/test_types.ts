/** The types of `@c1/test`. */
import type { ExportViolation } from "./entry_type.ts";
import type { Handler } from "./handler.ts";

export type { Handler } from "./handler.ts";

/** Records assertions. Each returns whether it passed; none throws. */
export interface Assert {
  /** Passes if both are the same value (`===`). */
  equal(actual: unknown, expected: unknown, description?: string): boolean;
  /** Passes if the value is truthy. */
  ok(value: unknown, description?: string): boolean;
  /** Never passes. */
  fail(description?: string): boolean;
  /** Passes if both are equal in every part, by the rules of `deepStrictEqual` of `node:assert`. */
  deepEqual(actual: unknown, expected: unknown, description?: string): boolean;
  /** Passes if the function throws what the matcher accepts. */
  throws(body: () => unknown, matcher?: Matcher, description?: string): boolean;
  /**
   * Passes if the promise, or the one that the function returns, rejects with what the matcher accepts. It takes any
   * value, because a handler may return a promise or none.
   */
  rejects(promise: unknown, matcher?: Matcher, description?: string): Promise<boolean>;
}

/**
 * What an error must be: a part of its message, a match of its `name: message`, an instance of a class, an object with
 * some of its properties, or what a function returns `true` for. Without a matcher any value passes.
 */
export type Matcher =
  | string
  | RegExp
  // deno-lint-ignore no-explicit-any -- the constructor of an error takes any arguments
  | (abstract new (...args: any[]) => unknown)
  | Readonly<Record<string, unknown>>
  | ((error: unknown) => boolean);

/** Files of a volume by path: their text, or a folder of the commit that has them. Without both the volume is empty. */
export interface VolumeFixture {
  readonly files?: Readonly<Record<string, string>> | undefined;
  readonly folder?: string | undefined;
}

/** What tests have besides the code. They have nothing of the function itself. */
export interface Fixture {
  /** Each test has a volume of its own. */
  readonly volume?: VolumeFixture | undefined;
  readonly secrets?: Readonly<Record<string, string>> | undefined;
  readonly variables?: Readonly<Record<string, string>> | undefined;
  /** Hosts that `fetch` reaches, as in the allowlist of a function. */
  readonly allowedHosts?: readonly string[] | undefined;
  /** A folder of the commit with a recording of a C1 tenant, from which `sdk` answers. */
  readonly tenant?: string | undefined;
}

/** The argument of `registerTests`. */
export interface TestSetup<H = Handler> extends Fixture {
  /** The function under test, the default export of `main.ts` by default; its type is checked. */
  readonly handler?:
    | (H & (ExportViolation<H> extends "ok" ? unknown : ExportViolation<H>))
    | undefined;
}
