/** `docs/permissions.md`: what each operation needs of its caller, in Markdown, from the operations themselves. */
import { isHostOperation } from "../src/api/host_calls.ts";
import { OPERATIONS } from "../src/api/mod.ts";
import type { Operation } from "../src/api/operation.ts";
import { rolesWith } from "../src/domain/identity/mod.ts";

const TABLE_HEAD = [
  "| Operation | Method and path | Permission | Roles | From functions |",
  "| --- | --- | --- | --- | --- |",
];

const INTRODUCTION = `<!-- deno-fmt-ignore-file -->
<!-- Generated from the operations in src/api by \`deno task docs\`; do not edit. -->

# Permissions

Every operation needs one permission, which the caller's roles grant. A request without the permission fails with
\`ROLE_MISSING\`, over HTTP and from functions. A function has the role \`reader\` and the roles in its
\`scopedRoleIds\`.

- \`read\`, \`invoke\` and \`write\` need an access token, a session of the console, or a running function that makes a host call.
- \`public\` needs no credential.
- \`signed-url\` needs a URL that contains a token signed by the server; the URL is the credential.
- \`signed-request\` needs a request that the sender signed by the method of the trigger.
- \`console\` needs a request from a page of the console, with or without a session.
- \`browser\` is for browsers on their way to the OpenID Connect provider and back.

\`CreateLink\` needs an access token. Requests to [endpoints](endpoints.md) are not operations: \`/preview/\` needs
\`invoke\`, and the trigger determines the authentication of \`/run/\`.`;

/** The page. */
export function renderPermissionsPage(): string {
  return [INTRODUCTION, "", ...TABLE_HEAD, ...OPERATIONS.map(renderRow)].join("\n") + "\n";
}

function renderRow(operation: Operation): string {
  const { operationId, method, path, permission, requires } = operation;
  const cells = [
    `\`${operationId}\``,
    `\`${method.toUpperCase()} ${path}\``,
    `\`${permission}\``,
    requires === undefined
      ? "none needed"
      : rolesWith(requires).map(({ name }) => `\`${name}\``).join(", "),
    isHostOperation(operation) ? "yes" : "no",
  ];
  return `| ${cells.join(" | ")} |`;
}
