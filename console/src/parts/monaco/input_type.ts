import { getTypeScriptWorker } from "monaco-editor/languages/features/typescript/register";
import { Models, uriOf } from "./models.ts";
import { monaco } from "./monaco.ts";
import { setLibraries } from "./typescript.ts";

/** The JSON Schema of the input of `main.ts` among the files; undefined if its handler takes none. */
export async function schemaOfInput(
  types: Readonly<Record<string, string>>,
  files: Readonly<Record<string, string>>,
): Promise<unknown> {
  const uri = uriOf("main.ts");
  if (monaco.editor.getModel(uri) !== null) return await ask(uri);
  // No editor shows the files: the language service reads them for this question alone.
  using models = new Models(() => {});
  models.sync(files);
  setLibraries(types, files);
  return models.model("main.ts") === undefined ? undefined : await ask(uri);
}

async function ask(uri: monaco.Uri): Promise<unknown> {
  const client = await (await getTypeScriptWorker())(uri);
  return await (client as unknown as { inputSchema(uri: string): Promise<unknown> })
    .inputSchema(uri.toString());
}
