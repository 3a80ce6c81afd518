import {
  initialize,
  ts as services,
  TypeScriptWorker,
} from "monaco-editor/languages/features/typescript/ts.worker";
import type * as ts from "typescript";
import { inputSchema } from "./input_schema.ts";

/** The worker of the library, as far as it is used here: the module has no types. */
const Base = TypeScriptWorker as unknown as new (context: unknown, data: unknown) => {
  getLanguageService(): ts.LanguageService;
};

const library = (services as unknown as { typescript: typeof ts }).typescript;

/** The language service of the editor, which knows the input of a function, too. */
class FunctionWorker extends Base {
  /** The JSON Schema of the first parameter of the default export; undefined without one. */
  // deno-lint-ignore require-await -- the other side awaits each method
  async inputSchema(fileName: string): Promise<unknown> {
    const program = this.getLanguageService().getProgram();
    const source = program?.getSourceFile(fileName);
    if (program === undefined || source === undefined) return undefined;
    return inputSchema(library, program.getTypeChecker(), source);
  }
}

self.onmessage = () => {
  initialize((context: unknown, data: unknown) => new FunctionWorker(context, data));
};
