import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { ConfirmDialog, Dialog } from "./dialog.tsx";
import { formatCount } from "./format.ts";
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
  { verb, done, what, danger = false, filter, act, onClose, children }: BulkDialogProps,
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
      ...answer.skipped === 0 ? {} : { description: `${formatCount(answer.skipped)} could not be` },
    });
  };
  if (counted.data === undefined || count === 0) {
    return (
      <Dialog open onClose={onClose} title={`${verb} all that match`}>
        {counted.error === null ? null : <ErrorNote error={counted.error} />}
        {counted.isPending ? <Loading rows={1} /> : null}
        {counted.data === undefined ? null : <p>The filter matches no {what}.</p>}
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
      onConfirm={run}
    >
      {children}
    </ConfirmDialog>
  );
}

function countOf(count: number, what: string): string {
  return `${formatCount(count)} ${what}${count === 1 ? "" : "s"}`;
}
