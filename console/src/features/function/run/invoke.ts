import { api, dataOf, fetchRaw } from "../../../api/client.ts";
import { keys } from "../../../api/keys.ts";
import type { Invocation, LogLine } from "../../../api/types.ts";
import { queryOptions } from "@tanstack/react-query";
import { encodeBase64 } from "../../../api/base64.ts";

const POLL = 1_000;
/** Older lines leave the panel; the page of the invocation has all. */
const MAX_LINES = 2_000;

/** Begins an invocation of a commit; its end comes later. Throws `ApiError`. */
export async function begin(functionId: string, commitId: string, input: string): Promise<string> {
  const { invocationId = "" } = await dataOf(api.POST("/api/v1/functions/{function_id}/invoke", {
    params: { path: { function_id: functionId }, header: { Prefer: "respond-async" } },
    body: { commitId, json: encodeBase64(input), vfsId: "" },
  }));
  return invocationId;
}

export async function cancel(functionId: string, id: string): Promise<void> {
  await dataOf(api.POST("/api/v1/functions/{function_id}/invocations/{id}/cancel", {
    params: { path: { function_id: functionId, id } },
    body: {},
  }));
}

export function hasEnded({ status }: Invocation): boolean {
  return /_(SUCCESS|ERROR)$/.test(status);
}

/** An invocation, again and again until it ended. */
export const invocationQuery = (functionId: string, id: string) =>
  queryOptions({
    queryKey: keys.invocation(id),
    queryFn: async ({ signal }) => {
      const { invocation } = await dataOf(
        api.GET("/api/v1/functions/{function_id}/invocations/{id}", {
          params: { path: { function_id: functionId, id } },
          signal,
        }),
      );
      return invocation as Invocation;
    },
    refetchInterval: ({ state }) => state.data !== undefined && hasEnded(state.data) ? false : POLL,
  });

/** Follows the log of an invocation until it ends or `signal` aborts. */
export async function followLogs(
  functionId: string,
  id: string,
  onLines: (change: (lines: readonly LogLine[]) => readonly LogLine[]) => void,
  signal: AbortSignal,
): Promise<void> {
  const path = `/api/v1/functions/${functionId}/invocations/${id}/logs`;
  const response = await fetchRaw(path, { headers: { Accept: "text/event-stream" }, signal });
  if (response.body === null) return;
  let rest = "";
  for await (const text of response.body.pipeThrough(new TextDecoderStream())) {
    const blocks = (rest + text).split("\n\n");
    rest = blocks.pop() ?? "";
    const added = blocks.flatMap(lineOf);
    if (added.length > 0) onLines((lines) => [...lines, ...added].slice(-MAX_LINES));
  }
}

function lineOf(block: string): LogLine[] {
  const fields = block.split("\n").map((line) => line.split(/: ?(.*)/s, 2));
  const valueOf = (name: string) => fields.find(([key]) => key === name)?.[1];
  if (valueOf("event") !== "log") return [];
  return [JSON.parse(valueOf("data") ?? "{}") as LogLine];
}
