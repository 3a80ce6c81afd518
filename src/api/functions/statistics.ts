import { countOf, exceeds, formatCount } from "../../config/mod.ts";
import { z } from "@hono/zod-openapi";
import { ALL_FUNCTIONS } from "../../domain/references.ts";
import { idsWithin } from "../scope.ts";
import type {
  Counts,
  FunctionCounts,
  StatisticsOrder,
  Steps,
} from "../../domain/functions/statistics.ts";
import { durationOf } from "../invocations/measurements.ts";
import { jsonOperation, type Uses } from "../operation.ts";
import {
  durationIn,
  durationOut,
  int32In,
  int32Out,
  timestamp,
  timestampIn,
  trueOrFalse,
} from "../primitives.ts";
import { enumWords } from "../../resources/words.ts";

const FUNCTIONS_MAX = 100;

const timeQuery = {
  since: timestampIn.optional().openapi({ description: "24 hours before `until` by default" }),
  until: timestampIn.optional().openapi({
    description:
      "Exclusive; now by default. Without `since` and `until`, time steps are aligned to the " +
      "Unix epoch, and the last step contains the current time",
  }),
  step: durationIn.optional().openapi({
    description: "Whole seconds, at most 1,000 steps; by default a 60th of the range",
  }),
};

const countsOut = {
  calls: int32Out.openapi({
    description: "Invocations accepted in the time step, without skipped invocations",
  }),
  failures: z.record(z.string(), int32Out).openapi({
    description: "Number of failed invocations by `failure`",
  }),
  p50: durationOut.optional().openapi({
    description:
      "Median duration from acceptance, or from the start of the last attempt, to the recorded " +
      "end, within 5 %; absent if no invocation ended",
  }),
  p99: durationOut.optional(),
  cpuTime: durationOut.openapi({ description: "Processor time of all invocations" }),
};

const stepOut = z.object({ start: timestamp, ...countsOut }).openapi("invoked.StatisticsStep");

const functionOut = z.object({
  functionId: z.string(),
  displayName: z.string(),
  ...countsOut,
  newestAt: timestamp.optional().openapi({
    description:
      "Time of the function's newest invocation in or before the range; absent without an invocation",
  }),
  callsByStep: z.array(int32Out),
  failuresByStep: z.array(int32Out),
}).openapi("invoked.FunctionStatistics");

const ORDER = "STATISTICS_ORDER_";
const ORDERS = {
  CALLS: "calls",
  FAILURES: "failures",
  P99: "p99",
  CPU_TIME: "cpuTime",
} as const satisfies Record<string, StatisticsOrder>;
const order = z.enum(enumWords("STATISTICS_ORDER", "CALLS", "FAILURES", "P99", "CPU_TIME"));

export const getFunctionStatistics = jsonOperation({
  operationId: "invoked.StatisticsService.GetOfFunction",
  route: "GET /api/v1/functions/{function_id}/statistics",
  summary: "Count the invocations, failures and durations of a function by time step",
  permission: "functions:read",
  query: z.object(timeQuery),
  response: z.object({ list: z.array(stepOut) }),
  async handle(
    { params, query: { step: stepMs, since, until } },
    { statistics }: Uses<"statistics">,
  ) {
    const query = { since, until, stepMs };
    const { steps, counts } = await statistics.bySteps(params.function_id, query);
    return { list: stepsJson(steps, counts) };
  },
});

export const getStatistics = jsonOperation({
  operationId: "invoked.StatisticsService.Get",
  route: "GET /api/v1/functions/statistics",
  summary: "Count the invocations of all functions by time step or by function",
  permission: "functions:read",
  concerns: () => ALL_FUNCTIONS,
  query: z.object({
    ...timeQuery,
    by_function: trueOrFalse.optional().openapi({
      description: "Return `functions` instead of `list`",
    }),
    function_ids: z.string().transform((text) => text.split(",").filter((id) => id !== ""))
      .refine((ids) => ids.length <= FUNCTIONS_MAX, {
        error: ({ input }) =>
          exceeds((input as string[]).length, FUNCTIONS_MAX, (ids) => countOf(ids, "id")),
      }).optional().openapi({
        type: "string",
        description: "With by_function: only these functions, separated by commas",
      }),
    order_by: order.optional().openapi({
      description:
        "With by_function: sort order of functions, largest first; by invocations by default",
    }),
    limit: int32In.refine((n) => n >= 1 && n <= FUNCTIONS_MAX, {
      error: ({ input }) => `${formatCount(Number(input))} is not between 1 and ${FUNCTIONS_MAX}`,
    }).optional().openapi({
      description: "With by_function: maximum number of functions; 100 by default",
    }),
  }),
  response: z.object({
    list: z.array(stepOut).optional(),
    functions: z.array(functionOut).optional().openapi({
      description:
        "Functions with invocations, sorted by `order_by`; then functions of `function_ids` " +
        "without invocations",
    }),
  }).openapi("invoked.Statistics"),
  async handle({ query, functions: scope }, { statistics }: Uses<"statistics">) {
    const { since, until, step: stepMs } = query;
    const time = { since, until, stepMs };
    if (query.by_function === "true") {
      const { function_ids: ids, order_by: name, limit = FUNCTIONS_MAX } = query;
      const by = { order: orderOf(name), limit };
      const functions = await statistics.byFunction(idsWithin(ids, scope), time, by);
      return { functions: functions.map(functionJson) };
    }
    const { steps, counts } = await statistics.bySteps(undefined, time, scope);
    return { list: stepsJson(steps, counts) };
  },
});

function orderOf(name: z.infer<typeof order> = `${ORDER}UNSPECIFIED`): StatisticsOrder {
  const key = name.slice(ORDER.length);
  return key in ORDERS ? ORDERS[key as keyof typeof ORDERS] : "calls";
}

function stepsJson({ starts }: Steps, counts: readonly Counts[]): z.input<typeof stepOut>[] {
  return counts.map((each, n) => ({
    start: new Date(starts[n] ?? 0).toISOString(),
    ...countsJson(each),
  }));
}

function functionJson(
  { functionId, displayName, counts, newestAt, calls, failed }: FunctionCounts,
): z.input<typeof functionOut> {
  return {
    functionId,
    displayName,
    ...countsJson(counts),
    ...newestAt === undefined ? {} : { newestAt },
    callsByStep: [...calls],
    failuresByStep: [...failed],
  };
}

function countsJson({ calls, failures, p50Micros, p99Micros, cpuMicros }: Counts) {
  return {
    calls,
    failures: Object.fromEntries(failures),
    ...p50Micros === undefined ? {} : { p50: durationOf(p50Micros) },
    ...p99Micros === undefined ? {} : { p99: durationOf(p99Micros) },
    cpuTime: durationOf(cpuMicros),
  };
}
