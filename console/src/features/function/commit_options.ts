import { useInfiniteQuery } from "@tanstack/react-query";
import type { Fn } from "../../api/types.ts";
import { shortId } from "../../parts/format.ts";
import { visibleText } from "../../parts/values.tsx";
import { commitsQuery } from "./queries.ts";

const MESSAGE_CHARACTERS = 60;

/** The published commit, however old it is, and the newest ones, as options of a field. */
export function useCommitOptions(
  { id, publishedCommitId = "" }: Fn,
): readonly { readonly value: string; readonly label: string }[] {
  const { data } = useInfiniteQuery(commitsQuery(id));
  const commits = data?.pages.flatMap(({ list }) => list) ?? [];
  const isListed = commits.some((commit) => commit.id === publishedCommitId);
  return [
    ...publishedCommitId === "" || isListed ? [] : [{ id: publishedCommitId }],
    ...commits,
  ].map(({ id, message = "" }: { readonly id: string; readonly message?: string }) => {
    const text = visibleText(message).slice(0, MESSAGE_CHARACTERS);
    const published = id === publishedCommitId ? "Published " : "";
    return { value: id, label: `${published}${shortId(id)} ${text}` };
  });
}
