/** The types of packages that the author has typed, before a commit has them. */
import { queryOptions, skipToken, useQuery } from "@tanstack/react-query";
import { useEffect, useMemo, useState } from "react";
import { ApiError, call } from "../../../api/client.ts";
import { own, textsOf } from "../../../parts/files.ts";
import type { Import } from "../../../parts/monaco/imports.ts";
import type { Problem } from "../../../parts/monaco/models.ts";
import { textOf } from "../queries.ts";
import type { Files } from "./drafts.ts";

type Types = Readonly<Record<string, string>>;

/** How long typing rests before the server is asked for packages, in ms: a name that is half typed is another package. */
const REST = 1_000;
/** What one request takes. */
const PACKAGES_MAX = 100;
/** What the server takes as a package with its version. */
const REQUIREMENT = /^(?:@[\w.~-]+\/)?[\w~-][\w.~-]*(?:@[\w.~^*+<>=|-]{1,100})?$/;

/** What the files need and the commit does not have; all packages of the files, as their versions depend on each other. */
interface Needed {
  readonly packages: readonly string[];
  readonly lock: string | undefined;
  /** Where each package is named. */
  readonly positions: readonly NamedAt[];
}

interface NamedAt {
  readonly requirement: string;
  readonly path: string;
  readonly line: number;
  readonly column: number;
}

/**
 * The types of the packages that the files name, and the packages that do not resolve. Types of the commit serve until
 * others are there, and for good while the files name no other package.
 */
export function usePackageTypes(
  saved: Files,
  files: Files,
  ofCommit: Types,
): { readonly types: Types; readonly faults: readonly Problem[] } {
  const [needed, need] = useState<Needed>();
  useEffect(() => {
    let isCurrent = true;
    const timer = setTimeout(async () => {
      const found = await neededBy(saved, files).catch(() => undefined);
      if (isCurrent) need(found);
    }, REST);
    return () => {
      isCurrent = false;
      clearTimeout(timer);
    };
  }, [saved, files]);
  const { data, error } = useQuery(packageTypesQuery(needed));
  const faults = useMemo(
    () => needed === undefined ? [] : problemsIn(needed, data?.faults ?? [], error),
    [needed, data?.faults, error],
  );
  return { types: needed === undefined ? ofCommit : data?.types ?? ofCommit, faults };
}

async function neededBy(saved: Files, files: Files): Promise<Needed | undefined> {
  // The code of the editor has it, too.
  const { importsOf } = await import("../../../parts/monaco/imports.ts");
  const texts = textsOf(files);
  const former = new Set(importsOf(textsOf(saved)).map(({ requirement }) => requirement));
  const found = importsOf(texts).filter(({ requirement }) => REQUIREMENT.test(requirement));
  const packages = [...new Set(found.map(({ requirement }) => requirement))].sort();
  if (packages.every((name) => former.has(name))) return undefined;
  return {
    packages: packages.slice(0, PACKAGES_MAX),
    lock: own(texts, "deno.lock"),
    positions: found.map((each) => namedAt(each, own(texts, each.path) ?? "")),
  };
}

function namedAt({ requirement, path, at }: Import, text: string): NamedAt {
  const before = text.slice(0, at).split("\n");
  return { requirement, path, line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
}

function packageTypesQuery(needed: Needed | undefined) {
  return queryOptions({
    queryKey: ["package_types", needed?.packages, needed?.lock],
    queryFn: needed === undefined ? skipToken : async ({ signal }) => {
      const { packages, lock } = needed;
      const { files, faults = [] } = await call("POST /api/v1/functions/types", {
        body: { packages: [...packages], ...lock === undefined ? {} : { lock } },
        signal,
      });
      const types = Object.fromEntries(
        Object.entries(files).map(([path, content]) => [path, textOf(content) ?? ""]),
      );
      return { types, faults };
    },
    staleTime: "static",
  });
}

/** Packages that do not resolve, at their positions; why none does, at the first. */
function problemsIn(
  { positions }: Needed,
  faults: readonly { readonly name: string; readonly message: string }[],
  error: unknown,
): readonly Problem[] {
  const messages = new Map(faults.map(({ name, message }) => [name, message]));
  // A reader who may not write, or has lost the server, only misses types.
  const general = error instanceof ApiError && error.reason === "BUILD_FAILED"
    ? error.message
    : undefined;
  return positions.flatMap(({ requirement, ...position }, index) => {
    const message = messages.get(requirement) ?? (index === 0 ? general : undefined);
    return message === undefined
      ? []
      : [{ ...position, message, severity: "warning", source: "packages" }];
  });
}
