import {
  javascriptDefaults,
  ModuleKind,
  ModuleResolutionKind,
  ScriptTarget,
  typescriptDefaults,
} from "monaco-editor/languages/features/typescript/register";
import { aliasesOf } from "./aliases.ts";

const ROOT = "file:///node_modules";
const SDK = `${ROOT}/@c1/functions-sdk`;

/** The modules of the server that functions import, as the server's repository has them. */
const sdk = import.meta.glob("../../../../sdk/*.ts", {
  query: "?raw",
  import: "default",
  eager: true,
});

const OPTIONS = {
  target: ScriptTarget.ESNext,
  module: ModuleKind.ESNext,
  moduleResolution: ModuleResolutionKind.NodeJs,
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

/** The files that the language service knows besides the models: the SDK, and declarations of packages. */
export function setLibraries(files: Readonly<Record<string, string>>): void {
  const libraries = [
    ...Object.entries(sdk).map(([path, content]) => ({
      filePath: `${SDK}/${path.slice(path.lastIndexOf("/") + 1)}`,
      content,
    })),
    { filePath: `${SDK}/index.d.ts`, content: `export * from "./functions_sdk.ts";\n` },
    {
      filePath: `${ROOT}/@c1/test/index.d.ts`,
      content: `export * from "../functions-sdk/test.ts";\n`,
    },
    { filePath: `${ROOT}/@types/untyped/index.d.ts`, content: untyped(files) },
  ];
  typescriptDefaults.setExtraLibs(libraries);
  javascriptDefaults.setExtraLibs(libraries);
}

/** Packages without declarations are `any`: the server's type check knows them. */
function untyped(files: Readonly<Record<string, string>>): string {
  const names = ["npm:*", "node:*", ...aliasesOf(files)];
  return names.flatMap((name) => [name, ...name.includes("*") ? [] : [`${name}/*`]])
    .map((name) => `declare module ${JSON.stringify(name)};`).join("\n");
}

for (const defaults of [typescriptDefaults, javascriptDefaults]) {
  defaults.setCompilerOptions(OPTIONS);
  defaults.setEagerModelSync(true);
  defaults.setDiagnosticsOptions({ noSemanticValidation: false, noSyntaxValidation: false });
}
setLibraries({});

declare global {
  interface ImportMeta {
    /** Of Vite: the files that match, as text. */
    glob(
      pattern: string,
      options: { query: "?raw"; import: "default"; eager: true },
    ): Readonly<Record<string, string>>;
  }
}
