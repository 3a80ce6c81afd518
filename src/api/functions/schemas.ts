import { exceeds, formatBytes } from "../../config/mod.ts";
import { z } from "@hono/zod-openapi";
import type { Functions, FunctionView } from "../../domain/functions/functions.ts";
import { SECRET_VALUE_BYTES_MAX, SECRETS_MAX } from "../../domain/functions/named_values.ts";
import { commitJson, commitMessageIn, commitOut } from "../commits/schemas.ts";
import { bytesOut, durationJson, filesIn, timestamp } from "../primitives.ts";
import { FUNCTION_SETTINGS } from "../../resources/functions.ts";
import { textOf } from "../resource.ts";
import { effectiveLimitsOut, limitsJson } from "./limits.ts";
import { namedValuesIn, settingsIn, settingsJson, settingsOut } from "./settings.ts";

export const functionOut = z.object({
  id: z.string(),
  ...settingsOut,
  circuitBreakerPausedAt: timestamp.optional().openapi({
    description:
      "Time at which the breaker paused the function; present while invocations wait for a decision",
  }),
  head: z.string().optional().openapi({ description: "The newest commit" }),
  publishedCommitId: z.string().optional(),
  isDraft: z.boolean().openapi({ description: "True until the first publish" }),
  secret: z.record(z.string(), z.string()).openapi({
    description: "Names of the secrets; values are never returned",
  }),
  effectiveLimits: effectiveLimitsOut.openapi({ description: "Limits in force" }),
  useSpn: z.boolean(),
  hookRefs: z.array(z.string()).openapi({
    description: "Ids of the function's triggers; a function with triggers cannot be deleted",
  }),
  workflowTemplateRefs: z.array(z.string()),
  createdAt: timestamp,
  updatedAt: timestamp,
  deletedAt: timestamp.optional(),
}).openapi("c1.api.functions.v1.Function");

/** The API's form of a function. */
export function functionJson(
  { row, secretNames, triggerIds, limits, retentionMs }: FunctionView,
): z.input<typeof functionOut> {
  return {
    id: row.id,
    ...settingsJson(row),
    ...row.circuitBreakerPausedAt === null
      ? {}
      : { circuitBreakerPausedAt: row.circuitBreakerPausedAt },
    ...row.head === null ? {} : { head: row.head },
    ...row.publishedCommitId === null ? {} : { publishedCommitId: row.publishedCommitId },
    isDraft: row.isDraft === 1,
    secret: Object.fromEntries(secretNames.map((name) => [name, ""])),
    effectiveLimits: {
      ...limitsJson(limits),
      ...retentionMs === undefined ? {} : { retention: durationJson(retentionMs) },
    },
    useSpn: row.principalId !== null,
    hookRefs: [...triggerIds],
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

export const createFunctionIn = z.object({
  ...settingsIn,
  displayName: textOf(FUNCTION_SETTINGS.displayName).min(1),
  initialContent: filesIn.optional(),
  commitMessage: commitMessageIn,
}).openapi("c1.api.functions.v1.FunctionsServiceCreateFunctionRequest");

export const secretsIn = namedValuesIn(
  "secret",
  z.string().refine((value) => Buffer.byteLength(value) <= SECRET_VALUE_BYTES_MAX, {
    error: ({ input }) =>
      exceeds(Buffer.byteLength(String(input)), SECRET_VALUE_BYTES_MAX, formatBytes),
  }),
  SECRETS_MAX,
).openapi({
  type: "object",
  additionalProperties: { type: "string" },
  description:
    "The complete set of secrets: a value replaces the stored value, an empty value keeps the " +
    "stored value, and a missing name deletes the secret. With secret.NAME in the mask, only " +
    "that secret changes",
});

/** The fields of a function that an update can carry; other fields are ignored. */
export const functionIn = z.object({
  ...settingsIn,
  id: z.string().min(1),
  publishedCommitId: z.string().optional(),
  secret: secretsIn.optional(),
});

export const filesOut = z.record(z.string(), bytesOut);
