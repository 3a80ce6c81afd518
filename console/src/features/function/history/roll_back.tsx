import { useQueryClient } from "@tanstack/react-query";
import type { Fn } from "../../../api/types.ts";
import { ConfirmDialog } from "../../../parts/dialog.tsx";
import { shortId } from "../../../parts/format.ts";
import { Properties } from "../../../parts/page.tsx";
import { visibleText } from "../../../parts/values.tsx";
import { publish } from "../publish/publish.ts";

/** A commit that can be published. */
export interface Candidate {
  readonly id: string;
  readonly message: string;
  /** Whether it is older than the published one. */
  readonly isEarlier: boolean;
}

/** Asks before callers get another commit. */
export function PublishDialog(
  { fn, candidate, onClose }: {
    readonly fn: Fn;
    readonly candidate: Candidate | undefined;
    readonly onClose: () => void;
  },
) {
  const queries = useQueryClient();
  if (candidate === undefined) return null;
  const { id, message, isEarlier } = candidate;
  const former = fn.publishedCommitId ?? "";
  return (
    <ConfirmDialog
      open
      onClose={onClose}
      title={isEarlier ? "Roll back" : "Publish a commit"}
      action={isEarlier ? "Roll back" : "Publish"}
      onConfirm={() => publish(queries, fn.id, id, former)}
    >
      <Properties
        items={[
          ["Callers get", <code key="new" title={id}>{shortId(id)}</code>],
          message === "" ? undefined : ["Its message", visibleText(message)],
          former === ""
            ? undefined
            : ["In place of", <code key="old" title={former}>{shortId(former)}</code>],
        ]}
      />
      <p className="muted">Settings, secrets and triggers stay as they are.</p>
    </ConfirmDialog>
  );
}
