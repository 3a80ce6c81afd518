import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { ConfirmDialog, Dialog } from "./dialog.tsx";
import { countOf, formatCount } from "./format.ts";
import { ErrorNote, Loading } from "./states.tsx";
import { toast } from "./toasts.tsx";

interface BulkDialogProps {
  /** Such as "Replay". */
  readonly verb: string;
  /** Such as "Replayed". */
  readonly done: string;
  /** One of what it acts on, such as "ended invocation". */
  readonly what: string;
  readonly danger?: boolean;
  /** The button that does nothing, where "Cancel" would read as the verb. */
  readonly dismiss?: string | undefined;
  /** What the count depends on. */
  readonly filter: unknown;
  /** Acts on all that match, or only counts them. */
  readonly act: (dryRun: boolean) => Promise<{ readonly count: number; readonly skipped: number }>;
  readonly onClose: () => void;
  /** What happens to each. */
  readonly children: ReactNode;
}

/** Counts what a filter matches, and asks with the count before it acts. */
export function BulkDialog(
  { verb, done, what, danger = false, dismiss, filter, act, onClose, children }: BulkDialogProps,
) {
  const counted = useQuery({
    queryKey: ["bulk", verb, what, filter],
    queryFn: () => act(true),
    staleTime: 0,
    gcTime: 0,
    retry: false,
  });
  const count = counted.data?.count ?? 0;
  const run = async () => {
    const answer = await act(false);
    toast(`${done} ${countOf(answer.count, what)}`, {
      ...answer.skipped === 0 ? {} : {
        description: `${formatCount(answer.skipped)} could not be ${done.toLowerCase()}`,
      },
    });
  };
  if (counted.data === undefined || count === 0) {
    return (
      <Dialog open onClose={onClose} title={`${verb} all matching`}>
        {counted.error === null ? null : <ErrorNote error={counted.error} />}
        {counted.isPending ? <Loading rows={1} /> : null}
        {counted.data === undefined ? null : <p>No {what} matches the filter.</p>}
      </Dialog>
    );
  }
  return (
    <ConfirmDialog
      open
      onClose={onClose}
      title={`${verb} ${countOf(count, what)}?`}
      action={verb}
      danger={danger}
      {...(dismiss === undefined ? {} : { dismiss })}
      onConfirm={run}
    >
      {children}
    </ConfirmDialog>
  );
}
