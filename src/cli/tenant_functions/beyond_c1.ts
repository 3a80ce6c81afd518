/** What the files of a function have that C1 does not document, as far as their text shows it: for warnings alone. */
import { basename, dirname } from "node:path/posix";
import { isOfC1 } from "../../tenants/operations.ts";
import { assertRecordingFile } from "../../tenants/recording/format.ts";
import { MASKING_FILE } from "../../tenants/recording/mask_rules.ts";
import { RecordingError } from "../../tenants/recording/recording_error.ts";
import type { Files } from "../client/api.ts";
import { withoutComments } from "../folder/handlers.ts";
import { oneLine } from "../terminal/failure.ts";

/** The values that C1 documents of the modules of a function. Types are erased, so no build needs them. */
const DOCUMENTED: Readonly<Record<string, readonly string[]>> = {
  "@c1/functions-sdk": ["functions", "sdk"],
  "@c1/test": ["test"],
};
/** Types of what C1 does not pass to a function. */
const TYPES_OF_SERVER = ["CallContext", "ExportedHandler", "FetchContext", "FetchHandler"];
/** The assertions that C1 documents. */
const ASSERTIONS = ["equal", "fail", "ok"];

const CODE = /\.[cm]?[jt]sx?$/;
// Spaces of its own line alone: each of many blank lines would read all of them.
const IMPORT =
  /^[ \t]*(?:import|export)\s+(type\s+)?\{([^{}]{0,4000})\}\s*from\s*["'](@c1\/[a-z-]+)["']/gm;
const NAMESPACE = /\bsdk\s*\??\.\s*([A-Za-z]\w{0,100})/g;
/** The first parameter of the body of a test. */
const ASSERT = /\btest\s*\([^{}()]{0,500}\(\s*\{([^{}]{0,1000})\}/g;
/** Files that one warning names. */
const PATHS_MAX = 5;

/** Names by what has them, each with the files that use it. */
type Uses = Map<string, { readonly names: Set<string>; readonly paths: Set<string> }>;

/** What a function uses that it may not find at C1: imports, assertions and namespaces of `sdk`. */
export function warningsBeyondC1(files: Files): string[] {
  const uses: Uses = new Map();
  for (const [path, bytes] of files) {
    if (!CODE.test(path)) continue;
    for (const [of, name] of usesOf(withoutComments(new TextDecoder().decode(bytes)))) {
      const use = uses.get(of) ?? { names: new Set(), paths: new Set() };
      uses.set(of, use);
      use.names.add(name);
      use.paths.add(path);
    }
  }
  return Array.from(uses, ([of, { names, paths }]) => {
    const shown = [...paths].slice(0, PATHS_MAX).map(oneLine);
    const more = paths.size > PATHS_MAX ? " and more" : "";
    const listed = [...names].toSorted().join(", ");
    return `C1 does not document ${listed} of ${of}, as in ${shown.join(", ")}${more}`;
  });
}

function* usesOf(code: string): Generator<readonly [of: string, name: string]> {
  for (const [, allTypes, list = "", from = ""] of code.matchAll(IMPORT)) {
    const documented = DOCUMENTED[from] ?? [];
    for (const { name, isType } of namesIn(list)) {
      const isNew = allTypes !== undefined || isType
        ? TYPES_OF_SERVER.includes(name)
        : !documented.includes(name);
      if (isNew) yield [from, name];
    }
    if (from !== "@c1/test") continue;
    for (const [, assertions = ""] of code.matchAll(ASSERT)) {
      for (const { name } of namesIn(assertions)) {
        if (!ASSERTIONS.includes(name)) yield [from, name];
      }
    }
  }
  for (const [, namespace = ""] of code.matchAll(NAMESPACE)) {
    if (!isOfC1(namespace)) yield ["sdk", namespace];
  }
}

/** The names in a list of imports or of a pattern, before they are renamed. */
function namesIn(list: string): { readonly name: string; readonly isType: boolean }[] {
  return list.split(",").flatMap((item) => {
    const [, type, name] = /^\s*(type\s+(?!as\b))?([A-Za-z_$][\w$]*)/.exec(item) ?? [];
    return name === undefined ? [] : [{ name, isType: type !== undefined }];
  });
}

/** The files without recorded answers of a tenant, which the tests of C1 do not read, and the folders that have them. */
export function withoutRecordings(
  files: Files,
): { readonly files: Files; readonly folders: readonly string[] } {
  const recorded = new Set(
    [...files].flatMap(([path, bytes]) => isRecorded(path, bytes) ? [dirname(path)] : []),
  );
  const kept = [...files].filter(([path, bytes]) =>
    !isRecorded(path, bytes) &&
    !(basename(path) === MASKING_FILE && recorded.has(dirname(path)))
  );
  return { files: new Map(kept), folders: [...recorded].map((folder) => `${folder}/`) };
}

/** No recording is made in the folder of a function itself. */
function isRecorded(path: string, bytes: Uint8Array): boolean {
  if (!path.includes("/") || !path.endsWith(".json")) return false;
  try {
    assertRecordingFile(basename(path), new TextDecoder().decode(bytes));
    return true;
  } catch (error) {
    if (error instanceof RecordingError) return false;
    throw error;
  }
}
