/** Renders `docs/sdk-methods.md`, the list of the methods of `sdk`, from the operations of `sdk` and of the API. */
import { OPERATIONS as METHODS } from "../sdk/api_operations.ts";
import type { OperationSpec } from "../sdk/operation_spec.ts";
import { OPERATIONS } from "../src/api/mod.ts";

/** Methods of `sdk.functions` under the names that they had before C1's. */
export const EARLIER_NAMES = ["commit", "finalizeCommit", "getCommit", "getLockfile"];

const INTRODUCTION = `<!-- deno-fmt-ignore-file -->
<!-- Generated from the operations of sdk by \`deno task docs\`; do not edit. -->

# Methods of \`sdk\`

[sdk.md](sdk.md) explains requests, responses and roles. Each method needs a [permission](permissions.md), which
the roles of the function grant.

| Method | Message in the response | Permission |
| --- | --- | --- |`;

/**
 * The page.
 * @throws Error if a method's operation is not in the API
 */
export function renderSdkPage(): string {
  const permissions = new Map<string, string>(
    OPERATIONS.map(({ operationId, permission }) => [operationId, permission]),
  );
  const rows = Object.entries(METHODS).flatMap(([namespace, methods]) =>
    Object.entries<OperationSpec>(methods).filter(([method]) =>
      namespace !== "functions" || !EARLIER_NAMES.includes(method)
    ).map(([method, { id, response }]) => {
      const permission = permissions.get(id);
      if (permission === undefined) {
        throw new Error(`Cannot render sdk.${namespace}.${method}: the API has no operation ${id}`);
      }
      return `| \`sdk.${namespace}.${method}\` | \`${response}\` | ${permission} |`;
    })
  );
  return [INTRODUCTION, ...rows].join("\n") + "\n";
}
