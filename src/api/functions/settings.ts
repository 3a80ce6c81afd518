import { countOf, exceeds, formatBytes, formatCount, quoted } from "../../config/mod.ts";
import { z } from "@hono/zod-openapi";
import { entryFault } from "../../sandbox/mod.ts";
import {
  ALLOWLIST_ENTRIES_MAX,
  DESCRIPTION_CHARS_MAX,
  DISPLAY_NAME_CHARS_MAX,
  FUNCTION_TYPES,
  type FunctionSettings,
  PROCESS_REUSES,
  PROVISIONED_CONCURRENCY_MAX,
  SCOPED_ROLES_MAX,
} from "../../domain/functions/settings.ts";
import {
  VALUE_NAME,
  VALUE_NAME_RULE,
  VARIABLES_BYTES_MAX,
  VARIABLES_MAX,
} from "../../domain/functions/named_values.ts";
import { MIB } from "../../domain/functions/limits.ts";
import { isRole, ROLES } from "../../domain/identity/mod.ts";
import type { FunctionRow } from "../../store/functions.ts";
import {
  countIn,
  durationIn,
  durationJson,
  durationOut,
  int32In,
  int32Out,
  mapIn,
  textIn,
} from "../primitives.ts";
import { targetOf } from "../../domain/destinations/target.ts";
import { destinationIn, destinationOut } from "./destinations.ts";
import { flowIn, flowJson, flowOut } from "./flow.ts";
import { retryPolicyIn, retryPolicyJson, retryPolicyOut } from "./retry_policy.ts";

/** The settings of a function on the wire. `src/domain/functions/settings.ts` has their columns. */

export const functionType = z.enum(FUNCTION_TYPES)
  .openapi("c1.api.functions.v1.FunctionType");

export const processReuse = z.enum(PROCESS_REUSES)
  .openapi("invoked.ProcessReuse", {
    description:
      "NONE: each call runs in a new process; SEQUENTIAL: a process runs one call after another, " +
      "and the next call may find the state of the last. UNSPECIFIED in a request means NONE",
  });

/** What an answer has of the settings. */
export const settingsOut = {
  displayName: z.string(),
  description: z.string(),
  functionType,
  outboundNetworkAllowlist: z.array(z.string()),
  provisionedConcurrency: int32Out,
  processReuse,
  scopedRoleIds: z.array(z.string()),
  timeout: durationOut.optional(),
  cpuTimeout: durationOut.optional(),
  memoryMib: int32Out.optional(),
  maxConcurrency: int32Out.optional(),
  retention: durationOut.optional(),
  vfsId: z.string().optional(),
  variables: z.record(z.string(), z.string()),
  retryPolicy: retryPolicyOut.optional(),
  onSuccess: destinationOut.optional(),
  onFailure: destinationOut.optional(),
  ...flowOut,
};

/** The API's form of the settings; the default of the server is an absent field. */
export function settingsJson(row: FunctionRow) {
  return {
    displayName: row.displayName,
    description: row.description,
    functionType: row.functionType as z.input<typeof functionType>,
    outboundNetworkAllowlist: JSON.parse(row.outboundNetworkAllowlist) as string[],
    provisionedConcurrency: row.provisionedConcurrency,
    processReuse: row.processReuse,
    scopedRoleIds: JSON.parse(row.scopedRoleIds) as string[],
    ...row.timeoutMs === null ? {} : { timeout: durationJson(row.timeoutMs) },
    ...row.cpuTimeMs === null ? {} : { cpuTimeout: durationJson(row.cpuTimeMs) },
    ...row.memoryBytes === null ? {} : { memoryMib: row.memoryBytes / MIB },
    ...row.maxConcurrency === null ? {} : { maxConcurrency: row.maxConcurrency },
    ...row.retentionMs === null ? {} : { retention: durationJson(row.retentionMs) },
    ...row.volumeId === null ? {} : { vfsId: row.volumeId },
    variables: JSON.parse(row.variables) as Record<string, string>,
    ...flowJson(row),
    ...row.onSuccess === null ? {} : { onSuccess: targetOf(row.onSuccess) },
    ...row.onFailure === null ? {} : { onFailure: targetOf(row.onFailure) },
    ...row.retryPolicy === null ? {} : { retryPolicy: retryPolicyJson(row.retryPolicy) },
  };
}

/** Characters of a value that an error repeats. */

const allowlistEntry = z.string().superRefine((entry, context) => {
  const fault = entryFault(entry);
  if (fault === undefined) return;
  context.addIssue({ code: "custom", message: `${quoted(entry)} ${fault}` });
}).openapi({
  description: "host, host:port or *.example.com; ports 443 and 80 where none is named",
});

const roleId = z.string().refine(isRole, {
  error: ({ input }) => `${quoted(input)} is not a role of this server: ${ROLES.join(", ")}`,
}).openapi({ description: `A role of the function when it calls the API: ${ROLES.join(", ")}` });

/** Values by name. */
export function namedValuesIn<Value extends z.ZodType<string>>(
  noun: "secret" | "variable",
  value: Value,
  max: number,
) {
  return mapIn(value, { type: "string" }).superRefine((values, context) => {
    if (values.size > max) {
      const message = exceeds(values.size, max, (names) => countOf(names, "name"));
      context.addIssue({ code: "custom", message });
    }
    for (const name of values.keys()) {
      if (VALUE_NAME.test(name)) continue;
      context.addIssue({
        code: "custom",
        path: [name],
        message: `is not a ${noun}'s name: ${VALUE_NAME_RULE}`,
      });
    }
  }).transform((values) => Object.fromEntries(values) as Record<string, string>);
}

export const variablesIn = namedValuesIn("variable", z.string(), VARIABLES_MAX)
  .refine((variables) => bytesOf(variables) <= VARIABLES_BYTES_MAX, {
    error: ({ input }) =>
      exceeds(
        bytesOf(input as Readonly<Record<string, string>>),
        VARIABLES_BYTES_MAX,
        formatBytes,
      ) +
      ", names and values together",
  })
  .openapi({
    type: "object",
    additionalProperties: { type: "string" },
    description: "The new set of variables, which every reader of the function sees",
  });

function bytesOf(variables: Readonly<Record<string, string>>): number {
  return Buffer.byteLength(Object.entries(variables).flat().join(""));
}

const limit = countIn.openapi({ description: "0 or absent: the default of the server" });
const durationLimit = durationIn.openapi({
  description: "0s or absent: the default of the server",
});

/** The settings that a request can carry. */
export const settingsIn = {
  displayName: textIn.max(DISPLAY_NAME_CHARS_MAX).optional(),
  description: textIn.max(DESCRIPTION_CHARS_MAX).optional(),
  functionType: functionType.optional(),
  outboundNetworkAllowlist: z.array(allowlistEntry)
    .max(ALLOWLIST_ENTRIES_MAX).optional(),
  provisionedConcurrency: int32In.refine((n) => n >= 0 && n <= PROVISIONED_CONCURRENCY_MAX, {
    error: ({ input }) =>
      `${formatCount(Number(input))} is not between 0 and ${PROVISIONED_CONCURRENCY_MAX}`,
  }).optional(),
  processReuse: processReuse.optional(),
  scopedRoleIds: z.array(roleId).max(SCOPED_ROLES_MAX).optional(),
  timeout: durationLimit.optional(),
  cpuTimeout: durationLimit.optional(),
  memoryMib: limit.optional(),
  maxConcurrency: limit.optional(),
  retention: durationLimit.optional(),
  vfsId: z.string().optional().openapi({ description: "Volume of calls that name none" }),
  variables: variablesIn.optional(),
  retryPolicy: retryPolicyIn.optional(),
  onSuccess: destinationIn.optional(),
  onFailure: destinationIn.optional(),
  ...flowIn,
} satisfies { readonly [S in keyof FunctionSettings]-?: z.ZodType<FunctionSettings[S]> };
