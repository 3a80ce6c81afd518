/** What the queries of several features share. */
import { infiniteQueryOptions, type QueryKey } from "@tanstack/react-query";
import { NAMED_ROLES } from "../../../src/resources/roles.ts";
import type { AnswerOf, Operation, RequestOf } from "../../../src/resources/request.ts";
import { call, type Role, type Tenant } from "./client.ts";

/**
 * Keys of queries. The first part names the kind of resource, so that one live event
 * finds every query that shows it.
 */
export const keys = {
  session: ["session"],
  sessions: ["sessions"],
  rights: ["rights"],
  clients: ["clients"],
  audit: (of: unknown) => ["audit", of],
  exports: ["exports"],
  roles: ["identity", "roles"],
  people: ["identity", "people"],
  person: (id: string) => ["identity", "people", id],
  principals: ["identity", "principals"],
  principal: (id: string) => ["identity", "principals", id],
  credentials: (principalId: string) => ["identity", "credentials", principalId],
  bindings: (of: unknown) => ["identity", "bindings", of],
  providers: ["identity", "providers"],
  trusts: ["identity", "trusts"],
  status: ["status"],
  alerts: ["alerts"],
  functions: (search?: unknown) => ["function", "list", search ?? {}],
  function: (id: string) => ["function", id],
  publishes: (id: string) => ["function", id, "publishes"],
  commits: (functionId: string) => ["commit", functionId],
  commit: (functionId: string, id: string) => ["commit", functionId, id],
  invocations: (filter: unknown) => ["invocation", "list", filter],
  invocation: (id: string) => ["invocation", id],
  deadLetters: (filter: unknown) => ["invocation", "dead_letters", filter],
  /** Not refreshed by events: each invocation causes an event, and counting a day takes longer than an invocation. */
  statistics: (of: unknown) => ["statistics", of],
  usage: (of: unknown) => ["usage", of],
  triggers: (functionId: string) => ["trigger", functionId],
  deliveries: (
    functionId: string,
    id: string,
  ) => ["trigger", functionId, id, "deliveries"],
  volumes: () => ["volume", "list"],
  volume: (id: string) => ["volume", id],
} as const;

/** How long the pages of a list that nobody sees are kept for who comes back to it, in ms. */
const KEPT = 30 * 60_000;

/** How infinite queries follow the pages of the API: an empty token is the end. */
export const paging = {
  gcTime: KEPT,
  initialPageParam: "",
  getNextPageParam: ({ nextPageToken }: { readonly nextPageToken: string }): string | undefined =>
    nextPageToken === "" ? undefined : nextPageToken,
};

const PAGE_SIZE = 100;
const PAGES_MAX = 10;

/** What a field offers to choose. */
interface Choice {
  readonly id: string;
  readonly displayName: string;
}

interface PageOf<T> {
  readonly list?: readonly T[];
  readonly nextPageToken?: string;
}

/**
 * The pages of a list of the API. The server sends all fields of a resource always, though C1's document requires none.
 * @param read requests one page
 */
export function pagedQuery<T>(
  queryKey: QueryKey,
  read: (
    page: { readonly page_size: number; readonly page_token: string },
    signal: AbortSignal,
  ) => Promise<PageOf<Partial<T>>>,
) {
  return infiniteQueryOptions({
    queryKey,
    queryFn: async ({ pageParam, signal }) => {
      const page = { page_size: PAGE_SIZE, page_token: pageParam };
      const { list = [], nextPageToken = "" } = await read(page, signal);
      return { list: list as readonly T[], nextPageToken };
    },
    ...paging,
  });
}

/** The pages of a list of the API, as `pagedQuery` reads them. */
export type ListQuery<T> = ReturnType<typeof pagedQuery<T>>;

/** The pages that an operation lists, by its own paging. */
export function listQuery<T, O extends Operation>(
  queryKey: QueryKey,
  operation: O & (AnswerOf<O> extends PageOf<Partial<T>> ? unknown : never),
  sent: RequestOf<O>,
): ListQuery<T> {
  return pagedQuery<T>(queryKey, async (page, signal) => {
    const request = { ...sent, query: { ...sent.query, ...page }, signal };
    return await call<O>(operation, request as unknown as typeof sent) as PageOf<Partial<T>>;
  });
}

/** The first pages of a list: at most 1,000 entries. Throws `ApiError`. */
export async function readPages<T>(
  read: (query: { readonly page_size: number; readonly page_token: string }) => Promise<PageOf<T>>,
): Promise<readonly T[]> {
  const entries: T[] = [];
  let token = "";
  for (let page = 0; page < PAGES_MAX; page += 1) {
    const { list = [], nextPageToken = "" } = await read({
      page_size: PAGE_SIZE,
      page_token: token,
    });
    entries.push(...list);
    if (nextPageToken === "") break;
    token = nextPageToken;
  }
  return entries;
}

/** The newest volumes, at most 1,000. Throws `ApiError`. */
export async function readVolumes(signal?: AbortSignal): Promise<readonly Choice[]> {
  return await readPages((query) => call("GET /api/v1/vfs/volumes", { query, signal }));
}

/** The roles that the reader may see, at most 1,000: built-in ones, then the others, newest first. Throws `ApiError`. */
export async function readRoles(signal?: AbortSignal): Promise<readonly Role[]> {
  const roles = await readPages((query) => call("GET /api/v1/iam/roles", { query, signal }));
  return roles as readonly Role[];
}

const ABOUT: ReadonlyMap<string, string> = new Map(
  NAMED_ROLES.map(({ id, about }) => [id, about.charAt(0).toUpperCase() + about.slice(1)]),
);

/** What holders of a built-in role may do, in a few words; undefined for another role. */
export function aboutRole({ id }: Pick<Role, "id">): string | undefined {
  return ABOUT.get(id);
}

/** Begins the keys of queries that show tenants. */
export const tenantKeys = ["identity", "tenants"] as const;

/** All tenants, newest first. Throws `ApiError`. */
export async function readTenants(signal?: AbortSignal): Promise<readonly Tenant[]> {
  const tenants = await readPages((query) => call("GET /api/v1/tenants", { query, signal }));
  return tenants as readonly Tenant[];
}
