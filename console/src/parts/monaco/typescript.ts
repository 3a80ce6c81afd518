import {
  getTypeScriptWorker,
  javascriptDefaults,
  ModuleKind,
  type ModuleResolutionKind,
  ScriptTarget,
  typescriptDefaults,
} from "monaco-editor/languages/features/typescript/register";
import { importsOf } from "./imports.ts";
import { Models, uriOf } from "./models.ts";
import { monaco } from "./monaco.ts";

/** Files by path, such as the files of a function, or declarations of packages below `node_modules`. */
type Files = Readonly<Record<string, string>>;

/** Resolves packages as bundlers do; the library does not name it. */
const BUNDLER = 100 as ModuleResolutionKind;

const OPTIONS = {
  target: ScriptTarget.ESNext,
  module: ModuleKind.ESNext,
  moduleResolution: BUNDLER,
  lib: ["lib.esnext.d.ts", "lib.webworker.d.ts", "lib.webworker.iterable.d.ts"],
  strict: true,
  allowJs: true,
  allowNonTsExtensions: true,
  allowImportingTsExtensions: true,
  allowSyntheticDefaultImports: true,
  esModuleInterop: true,
  resolveJsonModule: true,
  noEmit: true,
};

interface Library {
  readonly filePath: string;
  readonly content: string;
}

/** What the language service has. */
let given: readonly Library[] = [];
let former: readonly string[] = [];

/**
 * Gives the language service the declarations of packages, and the names by which the files import them. It reads all of
 * them again and checks each file anew, which a file that stays alone does not need while they are the same: the service
 * checks a file that changes, but not the files that import it.
 */
export function setLibraries(types: Files, files: Files): void {
  const libraries = [
    ...Object.entries(types).map(([path, content]) => ({ filePath: `file:///${path}`, content })),
    { filePath: "file:///node_modules/@types/imported/index.d.ts", content: names(types, files) },
  ];
  const paths = Object.keys(files);
  const isAlone = paths.length === 1 && former.length === 1 && paths[0] === former[0];
  if (isAlone && isSame(libraries, given)) return;
  [given, former] = [libraries, paths];
  forgetOthers(libraries);
  typescriptDefaults.setExtraLibs(libraries);
  javascriptDefaults.setExtraLibs(libraries);
}

function isSame(one: readonly Library[], other: readonly Library[]): boolean {
  return one.length === other.length &&
    one.every(({ filePath, content }, index) =>
      filePath === other[index]?.filePath && content === other[index].content
    );
}

/** Removes the models of outdated declarations, which the language service would read instead of newer files. */
function forgetOthers(libraries: readonly Library[]): void {
  const models = monaco.editor.getModels()
    .filter(({ uri }) => uri.scheme === "file" && uri.path.startsWith("/node_modules/"));
  if (models.length === 0) return;
  const contents = new Map(libraries.map(({ filePath, content }) => [filePath, content]));
  for (const model of models) {
    if (contents.get(model.uri.toString()) !== model.getValue()) model.dispose();
  }
}

/** Modules for specifiers that are no names of packages. Without declarations they are any: the server checks them. */
function names(types: Files, files: Files): string {
  const modules = importsOf(files).map(({ specifier, name }) => {
    const module = `declare module ${JSON.stringify(specifier)}`;
    const [owner = "", own = ""] = name.split("/");
    const packageName = owner.startsWith("@") ? `${owner}/${own}` : owner;
    if (!(`node_modules/${packageName}/package.json` in types)) return `${module};`;
    const from = JSON.stringify(name);
    return specifier === name
      ? ""
      : `${module} { export * from ${from}; export { default } from ${from}; }`;
  });
  return [
    `declare module "npm:*";`,
    `declare module "node:*";`,
    `declare module "@c1/*";`,
    ...modules,
  ].join("\n");
}

for (const defaults of [typescriptDefaults, javascriptDefaults]) {
  defaults.setCompilerOptions(OPTIONS);
  defaults.setEagerModelSync(true);
  defaults.setDiagnosticsOptions({ noSemanticValidation: false, noSyntaxValidation: false });
}
setLibraries({}, {});

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
