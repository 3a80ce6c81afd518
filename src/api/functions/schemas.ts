import { z } from "@hono/zod-openapi";
import {
  ALLOWLIST_ENTRIES_MAX,
  allowlistEntryFault,
  DESCRIPTION_CHARS_MAX,
  DISPLAY_NAME_CHARS_MAX,
  FUNCTION_TYPES,
  type Functions,
  type FunctionView,
  PROCESS_REUSES,
  PROVISIONED_CONCURRENCY_MAX,
  SCOPED_ROLES_MAX,
  SECRET_VALUE_BYTES_MAX,
  SECRETS_MAX,
} from "../../domain/functions/functions.ts";
import { isRole, ROLES } from "../../domain/identity/mod.ts";
import { commitJson, commitMessageIn, commitOut } from "../commits/schemas.ts";
import { bytesOut, filesIn, int32In, int32Out, mapIn, textIn, timestamp } from "../primitives.ts";

/** Names a function by its id. */
export const idParam = z.object({ id: z.string() });
/** Names the function that something belongs to. */
export const functionParam = z.object({ function_id: z.string() });

export const functionType = z.enum(FUNCTION_TYPES, {
  error: `must be one of ${FUNCTION_TYPES.join(", ")}`,
})
  .openapi("c1.api.functions.v1.FunctionType");

export const processReuse = z.enum(PROCESS_REUSES, {
  error: `must be one of ${PROCESS_REUSES.join(", ")}`,
})
  .openapi("invoked.ProcessReuse", {
    description:
      "NONE: each call runs in a new process; SEQUENTIAL: a process runs one call after another, " +
      "and the next call may find the state of the last. UNSPECIFIED in a request means NONE",
  });

export const functionOut = z.object({
  id: z.string(),
  displayName: z.string(),
  description: z.string(),
  functionType,
  head: z.string().optional().openapi({ description: "The newest commit" }),
  publishedCommitId: z.string().optional(),
  isDraft: z.boolean().openapi({ description: "True until the first publish" }),
  outboundNetworkAllowlist: z.array(z.string()),
  secret: z.record(z.string(), z.string()).openapi({
    description: "Names of the secrets; values are never answered",
  }),
  provisionedConcurrency: int32Out,
  processReuse,
  scopedRoleIds: z.array(z.string()),
  useSpn: z.boolean(),
  hookRefs: z.array(z.string()),
  workflowTemplateRefs: z.array(z.string()),
  createdAt: timestamp,
  updatedAt: timestamp,
  deletedAt: timestamp.optional(),
}).openapi("c1.api.functions.v1.Function");

/** The API's form of a function. */
export function functionJson({ row, secretNames }: FunctionView): z.input<typeof functionOut> {
  return {
    id: row.id,
    displayName: row.displayName,
    description: row.description,
    functionType: row.functionType as z.input<typeof functionType>,
    ...row.head === null ? {} : { head: row.head },
    ...row.publishedCommitId === null ? {} : { publishedCommitId: row.publishedCommitId },
    isDraft: row.isDraft === 1,
    outboundNetworkAllowlist: JSON.parse(row.outboundNetworkAllowlist) as string[],
    secret: Object.fromEntries(secretNames.map((name) => [name, ""])),
    provisionedConcurrency: row.provisionedConcurrency,
    processReuse: row.processReuse,
    scopedRoleIds: JSON.parse(row.scopedRoleIds) as string[],
    useSpn: false,
    hookRefs: [],
    workflowTemplateRefs: [],
    createdAt: row.createdAt,
    updatedAt: row.updatedAt,
    ...row.deletedAt === null ? {} : { deletedAt: row.deletedAt },
  };
}

export const functionAndCommit = z.object({ function: functionOut, commit: commitOut.optional() });

/** The API's form of a function with the commit that a request made. */
export function functionAndCommitJson(
  { fn, commit }: Awaited<ReturnType<Functions["create"]>>,
): z.input<typeof functionAndCommit> {
  return {
    function: functionJson(fn),
    ...commit === undefined ? {} : { commit: commitJson(commit) },
  };
}

const displayName = textIn.max(DISPLAY_NAME_CHARS_MAX, {
  error: atMost(DISPLAY_NAME_CHARS_MAX, "characters"),
});
const description = textIn.max(DESCRIPTION_CHARS_MAX, {
  error: atMost(DESCRIPTION_CHARS_MAX, "characters"),
});

export const createFunctionIn = z.object({
  displayName: displayName.min(1, { error: "must not be empty" }),
  description: description.default(""),
  functionType: functionType.default("FUNCTION_TYPE_UNSPECIFIED"),
  processReuse: processReuse.default("PROCESS_REUSE_UNSPECIFIED"),
  initialContent: filesIn.optional(),
  commitMessage: commitMessageIn,
}).openapi("c1.api.functions.v1.FunctionsServiceCreateFunctionRequest");

const secretName = /^[A-Za-z_][A-Za-z0-9_.-]{0,127}$/;
const secretsIn = mapIn(
  z.string().refine((value) => Buffer.byteLength(value) <= SECRET_VALUE_BYTES_MAX, {
    error: atMost(SECRET_VALUE_BYTES_MAX, "bytes"),
  }),
  { type: "string" },
).superRefine((secrets, context) => {
  if (secrets.size > SECRETS_MAX) {
    context.addIssue({ code: "custom", message: `must have at most ${SECRETS_MAX} names` });
  }
  for (const name of secrets.keys()) {
    if (secretName.test(name)) continue;
    context.addIssue({
      code: "custom",
      path: [name],
      message:
        "is not a secret's name: 1 to 128 letters, digits, underscores, dots and hyphens, beginning with a letter or underscore",
    });
  }
}).transform((secrets) => Object.fromEntries(secrets)).openapi({
  type: "object",
  additionalProperties: { type: "string" },
  description:
    "The new set of names: a value replaces, an empty one keeps what is stored, a missing name is deleted",
});

const allowlistEntry = z.string().superRefine((entry, context) => {
  const message = allowlistEntryFault(entry);
  if (message !== undefined) context.addIssue({ code: "custom", message });
}).openapi({
  description: "host, host:port or *.example.com; ports 443 and 80 where none is named",
});

const roleId = z.string().refine(isRole, {
  error: `must be a role of this server: ${ROLES.join(", ")}`,
}).openapi({ description: `A role of the function when it calls the API: ${ROLES.join(", ")}` });

/** The fields of a function that an update can carry; others are ignored. */
export const functionIn = z.object({
  id: z.string({ error: (issue) => issue.input === undefined ? "is missing" : "must be a string" })
    .min(1, { error: "must not be empty" }),
  displayName: displayName.optional(),
  description: description.optional(),
  functionType: functionType.optional(),
  publishedCommitId: z.string().optional(),
  outboundNetworkAllowlist: z.array(allowlistEntry)
    .max(ALLOWLIST_ENTRIES_MAX, { error: atMost(ALLOWLIST_ENTRIES_MAX, "entries") }).optional(),
  secret: secretsIn.optional(),
  provisionedConcurrency: int32In.refine((n) => n >= 0 && n <= PROVISIONED_CONCURRENCY_MAX, {
    error: `must be between 0 and ${PROVISIONED_CONCURRENCY_MAX}`,
  }).optional(),
  processReuse: processReuse.optional(),
  scopedRoleIds: z.array(roleId).max(SCOPED_ROLES_MAX, {
    error: atMost(SCOPED_ROLES_MAX, "entries"),
  }).optional(),
});

export const filesOut = z.record(z.string(), bytesOut);

function atMost(limit: number, unit: string): string {
  return `must have at most ${limit} ${unit}`;
}
