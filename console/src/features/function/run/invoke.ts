import { call } from "../../../api/client.ts";
import { keys } from "../../../api/keys.ts";
import type { Invocation } from "../../../api/types.ts";
import { queryOptions } from "@tanstack/react-query";
import { encodeBase64 } from "../../../api/base64.ts";

const POLL = 1_000;

/** Begins an invocation of a commit; its end comes later. Throws `ApiError`. */
export async function begin(functionId: string, commitId: string, input: string): Promise<string> {
  const { invocationId = "" } = await call("POST /api/v1/functions/{function_id}/invoke", {
    path: { function_id: functionId },
    header: { Prefer: "respond-async" },
    body: { commitId, json: encodeBase64(input), vfsId: "" },
  });
  return invocationId;
}

export async function cancel(functionId: string, id: string): Promise<void> {
  await call("POST /api/v1/functions/{function_id}/invocations/{id}/cancel", {
    path: { function_id: functionId, id },
    body: {},
  });
}

export function hasEnded({ status }: Invocation): boolean {
  return /_(SUCCESS|ERROR)$/.test(status);
}

/** An invocation, again and again until it ended. */
export const invocationQuery = (functionId: string, id: string) =>
  queryOptions({
    queryKey: keys.invocation(id),
    queryFn: async ({ signal }) => {
      const { invocation } = await call("GET /api/v1/functions/{function_id}/invocations/{id}", {
        path: { function_id: functionId, id },
        signal,
      });
      return invocation as Invocation;
    },
    refetchInterval: ({ state }) => state.data !== undefined && hasEnded(state.data) ? false : POLL,
  });
