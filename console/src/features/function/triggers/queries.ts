import { queryOptions } from "@tanstack/react-query";
import { call, type Delivery, type Invocation, type Trigger } from "../../../api/client.ts";
import { keys, type ListQuery, listQuery } from "../../../api/queries.ts";

const PAGE_SIZE = 100;
/** Requests to all endpoints of the function. A trigger shows its own requests. */
const REQUESTS = 100;

/** All triggers of a function; the server limits their number. */
export const triggersQuery = (functionId: string) =>
  queryOptions({
    queryKey: keys.triggers(functionId),
    queryFn: async ({ signal }): Promise<readonly Trigger[]> => {
      const all: Trigger[] = [];
      let token = "";
      do {
        const { list, nextPageToken } = await call("GET /api/v1/functions/{function_id}/triggers", {
          path: { function_id: functionId },
          query: { page_size: PAGE_SIZE, page_token: token },
          signal,
        });
        all.push(...list);
        token = nextPageToken;
      } while (token !== "");
      return all;
    },
  });

/** The deliveries to a webhook, newest first. */
export const deliveriesQuery = ({ functionId, id }: Trigger): ListQuery<Delivery> =>
  listQuery(
    keys.deliveries(functionId, id),
    "GET /api/v1/functions/{function_id}/triggers/{id}/deliveries",
    { path: { function_id: functionId, id } },
  );

/** The last requests to an endpoint, newest first. */
export const requestsQuery = ({ functionId, id }: Trigger) =>
  queryOptions({
    queryKey: keys.invocations({ ofEndpoint: id }),
    queryFn: async ({ signal }): Promise<readonly Invocation[]> => {
      const { list } = await call("POST /api/v1/search/invocations", {
        body: {
          functionIds: [functionId],
          triggerKind: "TRIGGER_KIND_HTTP",
          pageSize: REQUESTS,
        } as never,
        signal,
      });
      return (list as Invocation[]).filter(({ trigger }) => trigger?.id === id);
    },
  });
