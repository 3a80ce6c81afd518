/** The operations of the methods in `server_methods.ts`. */
import type { OperationSpec } from "./operation_spec.ts";
import type { Server, Statistics } from "./server_methods.ts";

type Specs<Namespace> = { readonly [Method in keyof Namespace]: OperationSpec };

export const statistics = {
  getOfFunction: {
    id: "invoked.StatisticsService.GetOfFunction",
    path: { functionId: "function_id" },
    response: "getFunctionStatisticsResponse",
    dated: { list: "each" },
  },
  get: {
    id: "invoked.StatisticsService.Get",
    response: "getStatisticsResponse",
    dated: { list: "each", functions: "each" },
  },
} as const satisfies Specs<Statistics>;

export const server = {
  getStatus: { id: "invoked.ServerService.GetStatus", response: "getStatusResponse" },
} as const satisfies Specs<Server>;
