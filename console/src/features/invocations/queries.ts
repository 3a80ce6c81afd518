/** What the page of one invocation reads. */
import { queryOptions } from "@tanstack/react-query";
import { call, type Invocation, type Schemas, type VolumeVersion } from "../../api/client.ts";
import { keys } from "../../api/queries.ts";
import { readPage, type Row } from "./list.ts";

/** An invocation with what only its own record has. */
export type WholeInvocation = Invocation & {
  readonly destination?: Schemas["invoked.SentEnd"];
  readonly traceUrl?: string;
};

export function invocationQuery(id: string) {
  return queryOptions({
    queryKey: keys.invocation(id),
    queryFn: async ({ signal }): Promise<WholeInvocation> => {
      const { invocation } = await call("GET /api/v1/invocations/{id}", {
        path: { id },
        signal,
      });
      return invocation as WholeInvocation;
    },
  });
}

/** Nested invocations that the page of an invocation lists; its link leads to all of them. */
export const SHOWN_NESTED = 25;

export function nestedQuery(parent: string) {
  return queryOptions({
    queryKey: ["invocation", parent, "nested"],
    queryFn: async ({ signal }): Promise<{ list: readonly Row[]; hasMore: boolean }> => {
      const page = await readPage({ parentInvocationId: parent }, "", signal, SHOWN_NESTED);
      return { list: page.list, hasMore: page.nextPageToken !== "" };
    },
  });
}

const VERSIONS_PER_PAGE = 100;
/** Pages of versions that are read to find the versions of one invocation. */
const VERSION_PAGES_MAX = 20;

/** Versions after `read` up to `written`, newest first, without the versions that the volume no longer keeps. */
export function versionsQuery(volumeId: string, read: number, written: number) {
  return queryOptions({
    queryKey: ["volume", volumeId, "versions", read, written],
    queryFn: async ({ signal }): Promise<readonly VolumeVersion[]> => {
      const found: VolumeVersion[] = [];
      let token = "";
      for (let page = 0; page < VERSION_PAGES_MAX; page++) {
        const { list, nextPageToken } = await call("GET /api/v1/vfs/volumes/{id}/versions", {
          path: { id: volumeId },
          query: { page_size: VERSIONS_PER_PAGE, page_token: token },
          signal,
        });
        found.push(...list.filter(({ version }) => version > read && version <= written));
        token = nextPageToken;
        if (token === "" || list.some(({ version }) => version <= read)) break;
      }
      return found;
    },
  });
}
