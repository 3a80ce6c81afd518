/** What the history of a function is made of: its publishes, the tags of its commits, and their order. */
import { queryOptions } from "@tanstack/react-query";
import { call, type Commit, type Publish } from "../../../api/client.ts";
import { keys, type ListQuery, listQuery } from "../../../api/queries.ts";

/** The publishes of a function, newest first. */
export const publishesQuery = (functionId: string): ListQuery<Publish> =>
  listQuery(keys.publishes(functionId), "GET /api/v1/functions/{function_id}/publishes", {
    path: { function_id: functionId },
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

/** Something that happened to a function. */
export type TimelineEvent =
  | { readonly kind: "commit"; readonly id: string; readonly at: string; readonly commit: Commit }
  | {
    readonly kind: "publish";
    readonly id: string;
    /** Empty for a publish before the server kept its time. */
    readonly at: string;
    readonly publish: Publish;
  };

/** The loaded part of a list, newest first. */
interface LoadedPart<T> {
  readonly list: readonly T[];
  readonly hasMore: boolean;
}

/**
 * Commits and publishes, newest first. Events that are older than the end of an incomplete list are left out: further
 * events of that list may belong before them.
 */
export function timelineOf(
  commits: LoadedPart<Commit>,
  publishes: LoadedPart<Publish>,
): readonly TimelineEvent[] {
  const made = commits.list.map((commit): TimelineEvent => ({
    kind: "commit",
    id: commit.id,
    at: commit.createdAt,
    commit,
  }));
  const published = publishes.list.map((publish): TimelineEvent => ({
    kind: "publish",
    id: publish.id,
    at: publish.publishedAt ?? "",
    publish,
  }));
  const from = [endOf(made, commits.hasMore), endOf(published, publishes.hasMore)].sort().at(-1);
  return [...published, ...made].filter(({ at }) => at >= (from ?? ""))
    .sort((a, b) => a.at === b.at ? 0 : a.at < b.at ? 1 : -1);
}

function endOf(events: readonly TimelineEvent[], hasMore: boolean): string {
  return hasMore ? events.at(-1)?.at ?? "" : "";
}
