import { useMutation, useQueryClient } from "@tanstack/react-query";
import type { Fn } from "../../../api/types.ts";
import { Button } from "../../../parts/button.tsx";
import { Dialog } from "../../../parts/dialog.tsx";
import { shortId } from "../../../parts/format.ts";
import { ErrorNote, Note } from "../../../parts/states.tsx";
import { draftOf } from "../code/draft_store.ts";
import { Difference } from "../difference.tsx";
import { publish } from "./publish.ts";

/** Shows what calls would run in place of the published commit, and publishes a commit. */
export function PublishDialog({ fn, commitId, isEarlier = false, onClose }: {
  readonly fn: Fn;
  readonly commitId: string;
  /** Whether the commit is older than the published one. */
  readonly isEarlier?: boolean;
  readonly onClose: () => void;
}) {
  const { publishedCommitId = "" } = fn;
  const queries = useQueryClient();
  const { mutate, isPending, error } = useMutation({
    mutationFn: () =>
      publish(queries, {
        functionId: fn.id,
        commitId,
        former: publishedCommitId,
        isRollBack: isEarlier,
      }),
    onSuccess: onClose,
  });
  const title = `${isEarlier ? "Roll back to" : "Publish"} commit ${shortId(commitId)}`;
  return (
    <Dialog open onClose={onClose} title={title} size="large">
      <div className="stack">
        <p>
          {publishedCommitId === ""
            ? "Calls can run the function from then on."
            : `Calls run it in place of ${shortId(publishedCommitId)}.`}{" "}
          <span className="muted">Settings, secrets and triggers stay as they are.</span>
        </p>
        {draftOf(fn.id) === undefined
          ? null
          : <Note tone="warn">Your draft is not saved; it is not part of the commit.</Note>}
        <Difference functionId={fn.id} from={publishedCommitId} to={commitId} />
        {error === null ? null : <ErrorNote error={error} />}
        <div className="actions">
          <Button onClick={onClose}>Cancel</Button>
          <Button look="primary" busy={isPending} onClick={() => mutate()}>
            {isEarlier ? "Roll back" : "Publish"}
          </Button>
        </div>
      </div>
    </Dialog>
  );
}
