import { z } from "@hono/zod-openapi";
import { quoted } from "../../config/mod.ts";
import type { NamedUsage } from "../../domain/functions/usage.ts";
import { ALL_FUNCTIONS } from "../../domain/references.ts";
import { USAGE_DIMENSIONS, type UsageDimension } from "../../store/usage.ts";
import type { UsageSums } from "../../store/usage_tables.ts";
import { durationOf } from "../invocations/measurements.ts";
import { jsonOperation, type Operation, type Uses } from "../operation.ts";
import { durationOut, int64Out, pageOf, pageQuery } from "../primitives.ts";

const MIB_MILLIS_PER_GB_SECOND = 1024 * 1000;

const dayIn = z.iso.date({ error: "must be a day in UTC such as 2026-01-31" }).optional();
const dayOut = z.string().openapi({ type: "string", format: "date" });

const groupBy = z.string().transform((text, context): readonly UsageDimension[] => {
  const names = text.split(",");
  const unknown = names.find((name) => !USAGE_DIMENSIONS.some((known) => known === name));
  if (unknown === undefined) return names as UsageDimension[];
  context.addIssue({
    code: "custom",
    message: `must be ${
      USAGE_DIMENSIONS.join(", ")
    }, or several of them separated by commas; it has ${quoted(unknown)}`,
  });
  return z.NEVER;
});

const sumsOut = {
  invocations: int64Out.openapi({
    description: "Invocations that ended, without skipped invocations",
  }),
  errors: int64Out.openapi({ description: "The failed invocations among them" }),
  attempts: int64Out.openapi({
    description: "Attempts, including earlier attempts of invocations that were retried",
  }),
  cpuTime: durationOut.openapi({ description: "Processor time" }),
  wallTime: durationOut.openapi({
    description: "Time in which processes ran attempts, without waits for a slot or a process",
  }),
  gbSeconds: z.number().openapi({
    description: "Memory limit in GB (1 GB = 1,024 MiB), times wall time in seconds",
  }),
  egressBytes: int64Out.openapi({ description: "Bytes exchanged with other hosts" }),
  volumeBytes: int64Out.openapi({ description: "Bytes of files read and written on volumes" }),
};

const totalOut = z.object(sumsOut).openapi("invoked.Usage");

const groupOut = z.object({
  day: dayOut.optional().openapi({
    description: "Day in UTC on which the attempts ended; present if grouped by day",
  }),
  functionId: z.string().optional().openapi({ description: "Present if grouped by function" }),
  functionDisplayName: z.string().optional().openapi({
    description: "The name, or the last name of a deleted function",
  }),
  principalId: z.string().optional().openapi({
    description:
      "The caller; for triggers and destinations, the principal that the function acts as. " +
      "Present if grouped by principal",
  }),
  principalDisplayName: z.string().optional().openapi({
    description: "Absent if the caller may not list principals",
  }),
  ...sumsOut,
}).openapi("invoked.UsageGroup");

const listUsage = jsonOperation({
  operationId: "invoked.UsageService.List",
  route: "GET /api/v1/usage",
  summary: "Sum up what invocations used, by day, function or principal",
  permission: "functions:read",
  concerns: () => ALL_FUNCTIONS,
  query: pageQuery.extend({
    from: dayIn.openapi({
      description: "First day in UTC; by default the first day of the month of `to`",
    }),
    to: dayIn.openapi({ description: "Last day in UTC, inclusive; today by default" }),
    function_id: z.string().optional().openapi({
      description: "Only this function, which may be deleted",
    }),
    principal_id: z.string().optional().openapi({ description: "Only this principal" }),
    group_by: groupBy.optional().openapi({
      type: "string",
      description: "`day`, `function` or `principal`, or several of them separated by commas; " +
        "`function` by default",
    }),
  }),
  response: z.object({
    from: dayOut,
    to: dayOut,
    list: z.array(groupOut).openapi({
      description: "Grouped by day: oldest day first. Otherwise: most GB-seconds first",
    }),
    nextPageToken: z.string().openapi({ description: "Empty on the last page" }),
    total: totalOut.optional().openapi({ description: "Of all groups; only on the first page" }),
  }),
  async handle({ query, principal, functions: within }, { usage }: Uses<"usage">) {
    const { from, to, group_by: by = ["function"] } = query;
    const functionId = query.function_id || undefined;
    const principalId = query.principal_id || undefined;
    const filter = { from, to, functionId, principalId, by };
    const page = await usage.list(filter, pageOf(query), { principal, within });
    return {
      from: page.from,
      to: page.to,
      list: page.groups.map(groupJson),
      nextPageToken: page.nextPageToken,
      ...page.total === undefined ? {} : { total: sumsJson(page.total) },
    };
  },
});

function groupJson({ group, functionName, principalName }: NamedUsage): z.input<typeof groupOut> {
  const { day, functionId, principalId } = group;
  return {
    ...day === undefined ? {} : { day },
    ...functionId === undefined ? {} : { functionId },
    ...functionName === undefined ? {} : { functionDisplayName: functionName },
    ...principalId === undefined ? {} : { principalId },
    ...principalName === undefined ? {} : { principalDisplayName: principalName },
    ...sumsJson(group),
  };
}

function sumsJson(sums: Readonly<UsageSums>): z.input<typeof totalOut> {
  const { invocations, errors, attempts, egressBytes, volumeBytes } = sums;
  return {
    invocations: String(invocations),
    errors: String(errors),
    attempts: String(attempts),
    cpuTime: durationOf(sums.cpuMicros),
    wallTime: durationOf(sums.wallMicros),
    gbSeconds: sums.memoryMibMillis / MIB_MILLIS_PER_GB_SECOND,
    egressBytes: String(egressBytes),
    volumeBytes: String(volumeBytes),
  };
}

/** What functions used, and what they cost. */
export const USAGE_OPERATIONS: readonly Operation[] = [listUsage];
