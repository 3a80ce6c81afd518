/**
 * Turns the text of a script into its function. V8 can do that from a *code cache*: what an earlier compilation of the
 * same text gave. V8 does not check its content, so only a process that never runs user code makes one.
 */
import { dictionary, evaluate, uncurry } from "./primordials.ts";
import { CodeCacheUse } from "./wire.ts";

/** What every script names as its source. Its stack frames have that name with and without a code cache. */
export const SCRIPT_URL = "invoked:bundle.js";

interface CompiledScript {
  readonly cachedDataRejected?: boolean;
  runInThisContext(): unknown;
  runInContext(context: object): unknown;
  runInNewContext(...args: unknown[]): unknown;
  createCachedData(): Uint8Array;
}

/** The parts of `node:vm` that compile, and that make realms. */
export interface Vm {
  readonly Script: {
    new (text: string, options: object): CompiledScript;
    readonly prototype: CompiledScript;
  };
  readonly constants: {
    readonly USE_MAIN_CONTEXT_DEFAULT_LOADER: unknown;
    readonly DONT_CONTEXTIFY: unknown;
  };
  createContext(...args: unknown[]): object;
  runInNewContext(...args: unknown[]): unknown;
  isContext(object: object): boolean;
}

interface Compiler {
  compile(text: string, codeCache?: Uint8Array): CompiledScript;
  evaluate(script: CompiledScript): unknown;
  codeCacheOf(script: CompiledScript): Uint8Array;
}

let compiler: Compiler | undefined;

/** Takes what compiles scripts, before user code can change it. */
export function useVm({ Script, constants }: Vm): void {
  const { prototype } = Script;
  compiler = {
    // With this loader its imports pass the hooks of `modules.ts`, as those of an evaluated text do.
    compile: (text, cachedData) =>
      new Script(
        text,
        dictionary<unknown>({
          filename: SCRIPT_URL,
          importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
          cachedData,
        }),
      ),
    evaluate: uncurry(prototype.runInThisContext),
    codeCacheOf: uncurry(prototype.createCachedData),
  };
}

/** The closing parenthesis needs a line of its own: a script ends with a comment. */
const expressionOf = (script: string) => `(${script}\n)`;

/** Makes a function of a script, and its code cache. Runs none of its code. */
export function compile(script: string): CompiledScript | undefined {
  return compiler?.compile(expressionOf(script));
}

/** The code cache of a script that was compiled here. */
export function codeCacheOf(compiled: CompiledScript): Uint8Array | undefined {
  return compiler?.codeCacheOf(compiled);
}

/**
 * Evaluates a script with its code cache, if it has one. V8 compiles the text where the cache does not fit. Throws a
 * SyntaxError.
 * @returns the function of the script, and what its code cache was good for: one of {@link CodeCacheUse}
 */
export function evaluateScript(script: string, codeCache: Uint8Array | undefined) {
  // A short text is evaluated faster without the class.
  if (codeCache === undefined || compiler === undefined) {
    return { value: evaluate(expressionOf(script)), cacheUse: CodeCacheUse.NONE };
  }
  const compiled = compiler.compile(expressionOf(script), codeCache);
  const cacheUse = compiled.cachedDataRejected === true ? CodeCacheUse.REJECTED : CodeCacheUse.USED;
  return { value: compiler.evaluate(compiled), cacheUse };
}
