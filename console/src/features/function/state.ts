import type { Fn } from "../../api/types.ts";

/** Whether calls run what the head is. */
export type PublishState = "draft" | "published" | "behind";

export function publishStateOf({ head, publishedCommitId = "" }: Fn): PublishState {
  if (publishedCommitId === "") return "draft";
  return head === publishedCommitId ? "published" : "behind";
}
