import { Badge } from "./badge.tsx";

interface FunctionStateProps {
  readonly isDraft?: boolean | undefined;
  readonly head?: string | undefined;
  readonly publishedCommitId?: string | undefined;
  readonly deletedAt?: string | undefined;
}

/** Whether callers get the newest code, older code, or none. A draft was never published. */
export function FunctionState(
  { isDraft, head, publishedCommitId = "", deletedAt }: FunctionStateProps,
) {
  if (deletedAt !== undefined) {
    return <Badge tone="bad" title="Invocations of this function fail">Deleted</Badge>;
  }
  if (isDraft === true) return <Badge title="No commit was ever published">Never published</Badge>;
  if (publishedCommitId === "") {
    const title = "No commit is published: invocations that do not name a commit fail";
    return <Badge tone="warn" title={title}>Unpublished</Badge>;
  }
  return head === publishedCommitId
    ? <Badge tone="good" title="Invocations run the latest commit">Published</Badge>
    : <Badge tone="warn" title="The latest commit is not published">Unpublished changes</Badge>;
}
