import { posix } from "node:path";
import type { Manifest } from "../folder/manifest.ts";
import { slugOf } from "../../shared/slugs.ts";
import type { DeclaredTriggers } from "../folder/triggers.ts";

/** Of the endpoint of a folder that declares none. */
const TRIGGER_NAME = "local endpoint";

/**
 * The triggers of a folder on a local server: with an open endpoint for its `fetch`, unless it declares an endpoint.
 */
export function localTriggers({ name, triggers = {} }: Manifest): DeclaredTriggers {
  if (Object.values(triggers).some(({ http }) => http !== undefined)) return triggers;
  return {
    ...triggers,
    [TRIGGER_NAME]: { http: { slug: slugOf(name) || "function", auth: "ENDPOINT_AUTH_OPEN" } },
  };
}

/** The URLs at which a local server passes requests to the function of a folder. */
export function endpointUrls(server: string, manifest: Manifest): string[] {
  return Object.values(localTriggers(manifest)).flatMap(({ http }) =>
    http === undefined ? [] : [`${server}/run/${String(http["slug"])}/`]
  );
}

/** Comments; not the slashes of a URL. */
const NO_CODE = /\/\*[^]*?\*\/|(?<![:"'`])\/\/[^\n]*/g;
/** An export of the name `fetch`: declared, listed or renamed. */
const FETCH_EXPORT =
  /\bexport\s+(?:async\s+)?(?:const|let|var|function)\s+fetch\b|\bexport\s*(?:(?:const|let|var)\s*)?\{[^}]*\bfetch\s*[,}]/;
const STAR_EXPORT = /\bexport\s*\*\s*from\s*["'](\.{1,2}\/[^"']+)["']/g;

/** Whether `main.ts` exports `fetch`, as far as the text shows it. */
export function exportsFetch(files: ReadonlyMap<string, Uint8Array>): boolean {
  const seen = new Set<string>();
  const exports = (path: string): boolean => {
    const bytes = files.get(path);
    if (bytes === undefined || seen.has(path)) return false;
    seen.add(path);
    const code = new TextDecoder().decode(bytes).replaceAll(NO_CODE, "");
    return FETCH_EXPORT.test(code) ||
      code.matchAll(STAR_EXPORT).some(([, from = ""]) =>
        exports(posix.join(posix.dirname(path), from))
      );
  };
  return exports("main.ts");
}
