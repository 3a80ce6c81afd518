/** Renders `docs/sdk-methods.md`, the list of the methods of `sdk`, from the operations of `sdk` and of the API. */
import { OPERATIONS } from "../src/api/mod.ts";
import { EARLIER_METHODS, sdkOperations } from "./sdk_operations.ts";

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
  const rows = Object.entries(sdkOperations()).flatMap(([namespace, methods]) =>
    Object.entries(methods).filter(([method]) =>
      namespace !== "functions" || !EARLIER_METHODS.includes(method)
    ).map(([method, { id, response }]) => {
      const permission = permissions.get(id);
      if (permission === undefined) {
        throw new Error(
          `The API has no operation ${id} for sdk.${namespace}.${method}`,
        );
      }
      return `| \`sdk.${namespace}.${method}\` | \`${response}\` | ${permission} |`;
    })
  );
  return [INTRODUCTION, ...rows].join("\n") + "\n";
}
