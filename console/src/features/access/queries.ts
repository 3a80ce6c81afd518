/** People, service principals, their credentials, the functions that act as them, and workload federation. */
import { queryOptions } from "@tanstack/react-query";
import {
  call,
  type Credential,
  type Provider,
  type ServicePrincipal,
  type Trust,
  type User,
} from "../../api/client.ts";
import { keys, type ListQuery, listQuery, pagedQuery, readPages } from "../../api/queries.ts";

/** The people whose name, email or username has a text, newest first. */
export function peopleQuery(text: string) {
  return pagedQuery<User>(
    [...keys.people, "list", text],
    async ({ page_size: pageSize, page_token: pageToken }, signal) => {
      const { list = [], nextPageToken = "" } = await call("POST /api/v1/search/users", {
        body: {
          query: text,
          excludeTypes: ["USER_TYPE_SERVICE", "USER_TYPE_SYSTEM"],
          pageSize,
          pageToken,
        },
        signal,
      });
      return { list: list.map(({ user }) => user as User), nextPageToken };
    },
  );
}

export function personQuery(id: string) {
  return queryOptions({
    queryKey: keys.person(id),
    queryFn: async ({ signal }) => {
      const { userView } = await call("GET /api/v1/users/{id}", { path: { id }, signal });
      return userView?.user as User;
    },
  });
}

export const principalsQuery = pagedQuery<ServicePrincipal>(
  [...keys.principals, "list"],
  (query, signal) => call("GET /api/v1/service_principals", { query, signal }),
);

export function principalQuery(id: string) {
  return queryOptions({
    queryKey: keys.principal(id),
    queryFn: async ({ signal }) => {
      const answer = await call("GET /api/v1/service_principals/{id}", { path: { id }, signal });
      return answer.servicePrincipal as ServicePrincipal;
    },
  });
}

export function credentialsQuery(principalId: string): ListQuery<Credential> {
  return listQuery(
    keys.credentials(principalId),
    "GET /api/v1/service_principals/{service_principal_id}/credentials",
    { path: { service_principal_id: principalId } },
  );
}

/** The ids of the functions that act as a service principal. */
export function boundFunctionsQuery(principalId: string) {
  return pagedQuery<string>(
    keys.bindings({ principalId }),
    async ({ page_size: pageSize, page_token: pageToken }, signal) => {
      const { bindings = [], nextPageToken = "" } = await call(
        "POST /api/v1/service_principals/bindings/list",
        { body: { servicePrincipalId: principalId, pageSize, pageToken }, signal },
      );
      return { list: bindings.flatMap(({ subject }) => subject?.functionId ?? []), nextPageToken };
    },
  );
}

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
