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
  if (deletedAt !== undefined) return <Badge tone="bad" title="Calls fail">Deleted</Badge>;
  if (isDraft === true) return <Badge title="It was never published">Draft</Badge>;
  if (publishedCommitId === "") {
    const title = "It has no published commit: calls that name no commit fail";
    return <Badge tone="warn" title={title}>Unpublished</Badge>;
  }
  return head === publishedCommitId
    ? <Badge tone="good" title="Callers get the newest commit">Published</Badge>
    : <Badge tone="warn" title="The newest commit is not published">Behind</Badge>;
}
