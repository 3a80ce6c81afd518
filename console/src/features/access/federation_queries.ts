import { queryOptions } from "@tanstack/react-query";
import { call, type Provider, type Trust } from "../../api/client.ts";
import { keys, pagedQuery, readPages } from "../../api/queries.ts";

/** The issuers whose workloads trusts can accept, newest first. */
export const providersQuery = pagedQuery<Provider>(
  [...keys.providers, "list"],
  (query, signal) => call("GET /api/v1/workload_federation/providers", { query, signal }),
);

/** The newest providers, at most 1,000. */
export const providerChoicesQuery = queryOptions({
  queryKey: [...keys.providers, "choices"],
  queryFn: async ({ signal }) => {
    const providers = await readPages((query) =>
      call("GET /api/v1/workload_federation/providers", { query, signal })
    );
    return providers as readonly Provider[];
  },
});

/** The trusts that a text finds, newest first: of one service principal, or of all. */
export function trustsQuery(
  filter: { readonly query?: string; readonly servicePrincipalId?: string },
) {
  return pagedQuery<Trust>(
    [...keys.trusts, filter],
    ({ page_size: pageSize, page_token: pageToken }, signal) =>
      call("POST /api/v1/search/workload_federation_trusts", {
        body: { ...filter, pageSize, pageToken },
        signal,
      }),
  );
}
