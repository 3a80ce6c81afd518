/** The operations of the methods in `server_methods.ts`. */
import type { OperationSpec } from "./operation_spec.ts";
import type { Server, Statistics } from "./server_methods.ts";

type Specs<Namespace> = { readonly [Method in keyof Namespace]: OperationSpec };

const TIME = { since: "since", until: "until", step: "step" };

export const statistics = {
  getOfFunction: {
    id: "invoked.StatisticsService.GetOfFunction",
    path: { functionId: "function_id" },
    query: TIME,
    response: "getFunctionStatisticsResponse",
    dated: { list: "each" },
  },
  get: {
    id: "invoked.StatisticsService.Get",
    query: {
      ...TIME,
      byFunction: "by_function",
      functionIds: "function_ids",
      orderBy: "order_by",
      limit: "limit",
    },
    response: "getStatisticsResponse",
    dated: { list: "each", functions: "each" },
  },
} as const satisfies Specs<Statistics>;

export const server = {
  getStatus: { id: "invoked.ServerService.GetStatus", response: "getStatusResponse" },
} as const satisfies Specs<Server>;
