import { z } from "@hono/zod-openapi";
import { DomainError } from "../../domain/errors.ts";
import { rawOperation, Reply, type Uses } from "../operation.ts";

export const getMetrics = rawOperation({
  operationId: "invoked.ServerService.GetMetrics",
  method: "get",
  path: "/api/v1/metrics",
  summary: "Get the metrics of the node that answers, in the format of Prometheus",
  permission: "metrics:read",
  ofClient: true,
  answers: { 200: { description: "OK", content: { "text/plain": z.string() } } },
  async handle(_, { metricsPage }: Uses<"metricsPage">) {
    if (metricsPage === undefined) {
      throw new DomainError(
        "METRICS_OFF",
        "The server does not serve metrics; start the server with --metrics",
      );
    }
    const { contentType, text } = await metricsPage();
    return Reply.stream(new Blob([text]).stream(), { "Content-Type": contentType });
  },
});
