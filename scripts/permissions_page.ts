/** `docs/permissions.md`: what each operation needs of its caller, in Markdown, from the operations themselves. */
import { isHostOperation } from "../src/api/host_calls.ts";
import { OPERATIONS } from "../src/api/mod.ts";
import type { Operation } from "../src/api/operation.ts";
import { BUILTIN_ROLES, PERMISSION_GROUPS, rolesWith } from "../src/domain/identity/mod.ts";

const TABLE_HEAD = [
  "| Operation | Method and path | Group | Roles | From functions |",
  "| --- | --- | --- | --- | --- |",
];

const INTRODUCTION = `<!-- deno-fmt-ignore-file -->
<!-- Generated from the operations in src/api by \`deno task docs\`; do not edit. -->

# Permissions

A permission is the id of an operation, such as \`c1.api.functions.v1.FunctionsService.Invoke\`. A request without
the permission fails with \`ROLE_MISSING\`, over HTTP, from functions and in the console. Every operation is in one group, and
a built-in role grants whole groups. A custom role (\`invoked roles create\`) grants single permissions, for all functions or
for named ones, and the group \`self\`.`;

const OTHER =
  `- Groups need an access token, an API key, a session of the console, or a running function that makes a host call.
- \`public\` needs no credential.
- \`signed-url\` needs a URL that contains a token signed by the server; the URL is the credential.
- \`signed-request\` needs a request that the sender signed by the method of the trigger.
- \`console\` needs a request from a page of the console, with or without a session.
- \`browser\` is for browsers on their way to the OpenID Connect provider and back.

Rights have layers: the roles of the principal, then those of the credential, then those in the \`scope\` of the token.
A layer allows what one of its roles grants; a call needs every layer. A credential or token without roles cuts nothing.
Nobody gives away or reaches what they lack. A request that sets roles needs their rights, and one that names a
destination needs \`Invoke\` for the destination. One that attaches a volume needs \`GetVolume\`. A function can
write the volume that is attached to it, so who may invoke a function and read volumes can have any volume written.
Changes of roles count at the next call, also
in open streams of logs and changes. A record of an invocation shows the id of its caller to everybody who may read it.

A function without roles has \`self\`, and \`functions:read\` for itself. Lists and searches return what the caller may see.
Operations that concern no single function need a role for all functions. Requests to [endpoints](endpoints.md) are not
operations: \`/preview/\` needs the permission \`Invoke\`, and the trigger determines the authentication of \`/run/\`.`;

/** Which built-in role grants which group. */
function groupTable(): string[] {
  const heads = ["Group", ...BUILTIN_ROLES.map(({ name }) => `\`${name}\``)];
  const rows = PERMISSION_GROUPS.map((group) => [
    `\`${group}\``,
    ...BUILTIN_ROLES.map(({ groups }) => groups.includes(group) ? "yes" : "-"),
  ]);
  return [heads, heads.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`);
}

/** The page. */
export function renderPermissionsPage(): string {
  const parts = [INTRODUCTION, "", ...groupTable(), "", OTHER, "", ...TABLE_HEAD];
  return [...parts, ...OPERATIONS.map(renderRow)].join("\n") + "\n";
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
