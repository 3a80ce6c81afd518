/** People, service principals, their credentials, and the functions that act as them. */
import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { call, type Credential, type ServicePrincipal, type User } from "../../api/client.ts";
import { keys, paging } from "../../api/queries.ts";

const PAGE_SIZE = 100;

interface PageOf<T> {
  readonly list: readonly T[];
  readonly nextPageToken: string;
}

/** The people whose name, email or username has a text, newest first. */
export function peopleQuery(text: string) {
  return infiniteQueryOptions({
    queryKey: [...keys.people, "list", text],
    queryFn: async ({ pageParam, signal }): Promise<PageOf<User>> => {
      const { list = [], nextPageToken = "" } = await call("POST /api/v1/search/users", {
        body: {
          query: text,
          excludeTypes: ["USER_TYPE_SERVICE", "USER_TYPE_SYSTEM"],
          pageSize: PAGE_SIZE,
          pageToken: pageParam,
        },
        signal,
      });
      return { list: list.map(({ user }) => user as User), nextPageToken };
    },
    ...paging,
  });
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

export const principalsQuery = infiniteQueryOptions({
  queryKey: [...keys.principals, "list"],
  queryFn: async ({ pageParam, signal }): Promise<PageOf<ServicePrincipal>> => {
    const { list = [], nextPageToken = "" } = await call("GET /api/v1/service_principals", {
      query: { page_size: PAGE_SIZE, page_token: pageParam },
      signal,
    });
    return { list: list as ServicePrincipal[], nextPageToken };
  },
  ...paging,
});

export function principalQuery(id: string) {
  return queryOptions({
    queryKey: keys.principal(id),
    queryFn: async ({ signal }) => {
      const answer = await call("GET /api/v1/service_principals/{id}", { path: { id }, signal });
      return answer.servicePrincipal as ServicePrincipal;
    },
  });
}

export function credentialsQuery(principalId: string) {
  return infiniteQueryOptions({
    queryKey: keys.credentials(principalId),
    queryFn: async ({ pageParam, signal }): Promise<PageOf<Credential>> => {
      const { list = [], nextPageToken = "" } = await call(
        "GET /api/v1/service_principals/{service_principal_id}/credentials",
        {
          path: { service_principal_id: principalId },
          query: { page_size: PAGE_SIZE, page_token: pageParam },
          signal,
        },
      );
      return { list: list as Credential[], nextPageToken };
    },
    ...paging,
  });
}

/** The ids of the functions that act as a service principal. */
export function boundFunctionsQuery(principalId: string) {
  return infiniteQueryOptions({
    queryKey: keys.bindings({ principalId }),
    queryFn: async ({ pageParam, signal }): Promise<PageOf<string>> => {
      const { bindings = [], nextPageToken = "" } = await call(
        "POST /api/v1/service_principals/bindings/list",
        {
          body: { servicePrincipalId: principalId, pageSize: PAGE_SIZE, pageToken: pageParam },
          signal,
        },
      );
      const list = bindings.flatMap(({ subject }) => subject?.functionId ?? []);
      return { list, nextPageToken };
    },
    ...paging,
  });
}
