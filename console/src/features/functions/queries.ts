import { infiniteQueryOptions } from "@tanstack/react-query";
import { call } from "../../api/client.ts";
import { paging } from "../../api/paging.ts";
import { keys } from "../../api/keys.ts";
import type { Fn } from "../../api/types.ts";

const PAGE_SIZE = 100;

interface Page {
  readonly list: readonly Fn[];
  readonly nextPageToken: string;
}

/** Functions in pages, newest first; those whose name or description has the text. */
export function functionsQuery(query: string) {
  return infiniteQueryOptions({
    queryKey: keys.functions(query),
    queryFn: async ({ pageParam, signal }): Promise<Page> => {
      const body = { query, functionTypes: [], pageSize: PAGE_SIZE, pageToken: pageParam };
      const { list = [], nextPageToken = "" } = await call("POST /api/v1/search/functions", {
        body,
        signal,
      });
      return { list: list as Fn[], nextPageToken };
    },
    ...paging,
  });
}
