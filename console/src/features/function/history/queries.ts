import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { call } from "../../../api/client.ts";
import { paging } from "../../../api/paging.ts";
import { keys } from "../../../api/keys.ts";

const PAGE_SIZE = 50;

/** The publishes of a function, newest first. */
export const publishesQuery = (functionId: string) =>
  infiniteQueryOptions({
    queryKey: keys.publishes(functionId),
    queryFn: ({ signal, pageParam }) =>
      call("GET /api/v1/functions/{function_id}/publishes", {
        path: { function_id: functionId },
        query: { page_size: PAGE_SIZE, page_token: pageParam },
        signal,
      }),
    ...paging,
  });

/** The tags of each commit by its id. */
export const tagsQuery = (functionId: string) =>
  queryOptions({
    queryKey: [...keys.commits(functionId), "tags"],
    queryFn: async ({ signal }): Promise<ReadonlyMap<string, readonly string[]>> => {
      const { tags = {} } = await call("GET /api/v1/functions/{function_id}/tags", {
        path: { function_id: functionId },
        signal,
      });
      const byCommit = new Map<string, string[]>();
      for (const [name, { id = "" }] of Object.entries(tags)) {
        byCommit.set(id, [...byCommit.get(id) ?? [], name]);
      }
      return byCommit;
    },
  });
