/**
 * The engine's table of built-ins for `require`. It also has modules of the engine itself (`internal/*`), and the hooks
 * of `modules.ts` do not see every look-up: a setter of the function runs inside of the engine's search for hooks. So
 * the objects in the table are closed themselves.
 */
import { anonymous } from "./anonymous.ts";
import { defineProperty, dictionary, slice, TypeErrorOf } from "./primordials.ts";

/** Internal modules that nothing else loads. Each is loaded so that it cannot load among prototypes of a function. */
const INTERNAL_MODULES = [
  "internal/deps/undici/undici",
  "internal/http2/core",
  "internal/priority_queue",
  "internal/repl",
  "internal/socketaddress",
  "internal/test/binding",
  "internal/webstreams/readablestream",
  "internal/webstreams/util",
  "internal/worker/js_transferable",
] as const;

/** The parts of the class in `node:module` that fill the table. */
export interface ModuleTable {
  readonly prototype: object;
  _load(name: string): unknown;
}

/** Gets a built-in without any hook. Only the runtime may hold it. */
export type BuiltinGetter = (name: string) => object;

const TOOLS = { defineProperty, dictionary, slice, TypeErrorOf };
type Tools = typeof TOOLS;

/** Makes the engine unable to make a module object for `internal/*`. All others are in the table already. */
const rejectInternal = anonymous(function (
  prototype: object,
  { defineProperty, dictionary, slice, TypeErrorOf }: Tools,
): void {
  const PREFIX = "internal/";
  // The constructor sets `id` first.
  const set = function (this: object, id: string) {
    if (typeof id === "string" && slice(id, 0, PREFIX.length) === PREFIX) {
      throw new TypeErrorOf("Modules of the runtime are not available in a function");
    }
    const own = { value: id, writable: true, enumerable: true, configurable: true };
    defineProperty(this, "id", dictionary<unknown>(own));
  };
  defineProperty(prototype, "id", dictionary<unknown>({ set, configurable: false }));
});

const withdraw = anonymous(function (
  module: object,
  { defineProperty, dictionary, TypeErrorOf }: Tools,
): void {
  const get = () => {
    throw new TypeErrorOf("This module is not available in a function");
  };
  defineProperty(module, "exports", dictionary<unknown>({ get, configurable: false }));
});

/** Loads the built-ins with these names into the table and closes it; those that `isWithheld` cannot be read later. */
export function fillTable(
  table: ModuleTable,
  getBuiltin: BuiltinGetter,
  names: readonly string[],
  isWithheld: (name: string) => boolean,
): void {
  const made: object[] = [];
  defineProperty(table.prototype, "id", {
    configurable: true,
    set(this: object, id: string) {
      defineProperty(this, "id", {
        value: id,
        writable: true,
        enumerable: true,
        configurable: true,
      });
      if (isWithheld(id)) made.push(this);
    },
  });
  // `_load` would warn of deprecated modules here instead of where a function loads them.
  for (const name of names) getBuiltin(name);
  for (const name of INTERNAL_MODULES) table._load(name);
  for (const module of made) withdraw(module, TOOLS);
  rejectInternal(table.prototype, TOOLS);
}
