/** The order of the folders of `src/domain`. */
import assert from "node:assert/strict";
import { type Files, readFiles, resolve, specifiersIn } from "./support/repository.ts";

/** The folders and files of `src/domain`, lowest first: each imports only itself and what is before it. */
const DOMAIN_ORDER: readonly string[] = [
  "errors.ts",
  "ids.ts",
  "locks.ts",
  "signed_tokens.ts",
  "paging.ts",
  "preconditions.ts",
  "references.ts",
  "resource.ts",
  "limits.ts",
  "update_mask.ts",
  "standard_secret.ts",
  "key_sets.ts",
  "ownership",
  "retention",
  "scheduling",
  "audit",
  "changes",
  "identity",
  "sessions",
  "purges",
  "volumes",
  "commits",
  "tenants",
  "functions",
  "endpoints",
  "invocations",
  "destinations",
  "triggers",
  "alerts",
  "testing",
  "verification",
  "blob_check.ts",
  "housekeeping.ts",
  "key_rotation.ts",
  "first_start.ts",
];

Deno.test("folders of the domain import only folders below them", async () => {
  const files = await readFiles("src/domain");
  assert.deepEqual(findDomainImports(files), []);
  const units = new Set(Array.from(files.keys(), domainUnitOf));
  assert.deepEqual(DOMAIN_ORDER.filter((unit) => !units.has(unit)), []);
});

Deno.test("the check finds imports that point up", () => {
  const domain = new Map([
    ["src/domain/errors.ts", `import type { Node } from "./ownership/contract.ts";`],
    [
      "src/domain/ownership/contract.ts",
      `import { lease } from "./lease.ts";\nimport "../errors.ts";`,
    ],
    ["src/domain/functions/a.ts", `export type { Call } from "../invocations/calls.ts";`],
    ["src/domain/invocations/calls.ts", `import("../functions/a.ts");\nimport "../attic/b.ts";`],
    ["src/domain/attic/b.ts", `import type { Store } from "../../store/mod.ts";`],
  ]);
  assert.deepEqual(findDomainImports(domain), [
    "src/domain/errors.ts imports ./ownership/contract.ts",
    "src/domain/functions/a.ts imports ../invocations/calls.ts",
    "src/domain/invocations/calls.ts imports ../attic/b.ts",
    "src/domain/attic/b.ts is not in the order of the domain",
  ]);
});

/** Imports from one folder or file of the domain to one that is not below it. */
function findDomainImports(files: Files): string[] {
  return [...files].flatMap(([path, text]) => {
    const unit = domainUnitOf(path) ?? "";
    const position = DOMAIN_ORDER.indexOf(unit);
    if (position < 0) return [`${path} is not in the order of the domain`];
    const below = [unit, undefined, ...DOMAIN_ORDER.slice(0, position)];
    return specifiersIn(text)
      .filter((specifier) => !below.includes(domainUnitOf(resolve(path, specifier))))
      .map((specifier) => `${path} imports ${specifier}`);
  });
}

/** The folder of `src/domain` that has the file, or the file itself; undefined outside of the domain. */
function domainUnitOf(path: string): string | undefined {
  return /^src\/domain\/([^/]+)/.exec(path)?.[1];
}
