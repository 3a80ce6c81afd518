/** Renders `docs/sdk-methods.md`, the list of the methods of `sdk`, from the operations of `sdk` and of the API. */
import { OPERATIONS } from "../src/api/mod.ts";
import { answererOf, findOperation, methodsByNamespace } from "../src/tenants/operations.ts";
import { EARLIER_METHODS, sdkOperations } from "./sdk_operations.ts";

const INTRODUCTION = `<!-- deno-fmt-ignore-file -->
<!-- Generated from the operations of sdk by \`deno task docs\`; do not edit. -->

# Methods of \`sdk\`

[sdk.md](sdk.md) explains requests, responses and roles. Each method needs a [permission](permissions.md), which
the roles of the function grant.

| Method | Message in the response | Permission |
| --- | --- | --- |`;

const OF_TENANTS = `
## Methods of a tenant

A [C1 tenant](tenants.md) answers these methods, with the messages of C1's API. A function whose access is \`READ\` may call
the methods that read. If both tables have a method, such as \`sdk.user.list\`, the tenant of the function answers.
This server answers for a function without a tenant.

| Namespace | Methods that read | Methods that write |
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
  return [INTRODUCTION, ...rows, OF_TENANTS, ...tenantRows()].join("\n") + "\n";
}

function tenantRows(): readonly string[] {
  const namespaces = [...methodsByNamespace()].filter(([name]) => answererOf(name) !== "server");
  return namespaces.map(([namespace, methods]) => {
    const { READ = [], WRITE = [] } = Object.groupBy(
      methods,
      (method) => findOperation(namespace, method)?.access ?? "WRITE",
    );
    const cell = (names: readonly string[]) => names.map((name) => `\`${name}\``).join(", ");
    return `| \`sdk.${namespace}\` | ${cell(READ)} | ${cell(WRITE)} |`;
  });
}
