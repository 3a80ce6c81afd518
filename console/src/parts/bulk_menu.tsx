import { useQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useMemo, useState } from "react";
import { Menu } from "./button.tsx";
import { ConfirmDialog, Dialog } from "./dialog.tsx";
import { countOf, formatCount } from "./format.ts";
import { useCommands } from "./shortcuts.tsx";
import { ErrorNote, Loading } from "./states.tsx";
import { toast } from "./toasts.tsx";

/** Words of what can be done to many. */
interface BulkWords {
  /** Such as "Replay". */
  readonly verb: string;
  /** Such as "Replayed". */
  readonly done: string;
  /** One of what it acts on, such as "ended invocation". */
  readonly what: string;
  /** What happens to each. */
  readonly effect: string;
  readonly danger?: boolean;
  /** The button that does nothing, where "Cancel" would read as the verb. */
  readonly dismiss?: string;
}

interface BulkMenuProps<Action extends string> {
  readonly actions: Readonly<Record<Action, BulkWords>>;
  /** What the count depends on. */
  readonly filter: unknown;
  /** Acts on all that match, or only counts them. */
  readonly act: (
    action: Action,
    dryRun: boolean,
  ) => Promise<{ readonly count: number; readonly skipped: number }>;
  /** The key of the queries that show what was acted on. */
  readonly queryKey: readonly string[];
}

/** Acts on everything that a filter matches, what a list has not loaded included, after it has counted that. */
export function BulkMenu<Action extends string>(
  { actions, filter, act, queryKey }: BulkMenuProps<Action>,
) {
  const [action, setAction] = useState<Action>();
  const queries = useQueryClient();
  const words = action === undefined ? undefined : actions[action];
  const items = (Object.keys(actions) as Action[]).map((name) => ({
    label: `${actions[name].verb} all matching …`,
    onSelect: () => setAction(name),
    danger: actions[name].danger === true,
  }));
  useCommands(useMemo(() =>
    (Object.keys(actions) as Action[]).map((name) => ({
      label: `${actions[name].verb} all matching ${actions[name].what}s …`,
      group: "This list",
      run: () => setAction(name),
    })), [actions]));
  return (
    <>
      <Menu items={items}>Select all matching</Menu>
      {action === undefined || words === undefined ? null : (
        <BulkDialog
          verb={words.verb}
          done={words.done}
          what={words.what}
          danger={words.danger === true}
          dismiss={words.dismiss}
          filter={filter}
          act={async (dryRun) => {
            const answer = await act(action, dryRun);
            if (!dryRun) await queries.invalidateQueries({ queryKey });
            return answer;
          }}
          onClose={() => setAction(undefined)}
        >
          {words.effect}
        </BulkDialog>
      )}
    </>
  );
}

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
function BulkDialog(
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
