import { useMutation, useQueryClient } from "@tanstack/react-query";
import type { Fn } from "../../../api/types.ts";
import { Button } from "../../../parts/button.tsx";
import { Dialog } from "../../../parts/dialog.tsx";
import { shortId } from "../../../parts/format.ts";
import { ErrorNote, Note } from "../../../parts/states.tsx";
import { draftOf } from "../code/draft_store.ts";
import { Difference } from "../difference.tsx";
import { publish } from "./publish.ts";

/** Shows what calls would run in place of the published commit, and publishes the head. */
export function PublishDialog({ fn, onClose }: { readonly fn: Fn; readonly onClose: () => void }) {
  const { head = "", publishedCommitId = "" } = fn;
  const queries = useQueryClient();
  const { mutate, isPending, error } = useMutation({
    mutationFn: () => publish(queries, fn.id, head, publishedCommitId),
    onSuccess: onClose,
  });
  return (
    <Dialog open onClose={onClose} title={`Publish commit ${shortId(head)}`} size="large">
      <div className="stack">
        <p>
          {publishedCommitId === ""
            ? "Calls can run the function from then on."
            : `Calls run it in place of ${shortId(publishedCommitId)}.`}
        </p>
        {draftOf(fn.id) === undefined
          ? null
          : <Note tone="warn">Your draft is not saved; it is not part of the head.</Note>}
        <Difference functionId={fn.id} from={publishedCommitId} to={head} />
        {error === null ? null : <ErrorNote error={error} />}
        <div className="actions">
          <Button onClick={onClose}>Cancel</Button>
          <Button look="primary" busy={isPending} onClick={() => mutate()}>Publish</Button>
        </div>
      </div>
    </Dialog>
  );
}
