import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useMemo, useState } from "react";
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
  /** Acts on all invocations that match, or only counts them. */
  readonly act: (
    action: Action,
    dryRun: boolean,
  ) => Promise<{ readonly count: number; readonly skipped: number }>;
}

/** Acts on every invocation that a filter matches, what a list has not loaded included, after it has counted that. */
export function BulkMenu<Action extends string>({ actions, filter, act }: BulkMenuProps<Action>) {
  const [action, setAction] = useState<Action>();
  const names = Object.keys(actions) as Action[];
  const items = names.map((name) => ({
    label: `${actions[name].verb} all matching …`,
    onSelect: () => setAction(name),
    danger: actions[name].danger === true,
  }));
  useCommands(useMemo(() =>
    names.map((name) => ({
      label: `${actions[name].verb} all matching ${actions[name].what}s …`,
      group: "This list",
      run: () => setAction(name),
    })), [actions]));
  return (
    <>
      <Menu items={items}>Select all matching</Menu>
      {action === undefined ? null : (
        <BulkDialog
          words={actions[action]}
          filter={filter}
          act={(dryRun) => act(action, dryRun)}
          onClose={() => setAction(undefined)}
        />
      )}
    </>
  );
}

/** Counts what a filter matches, and asks with the count before it acts. */
function BulkDialog({ words, filter, act, onClose }: Pick<BulkMenuProps<string>, "filter"> & {
  readonly words: BulkWords;
  readonly act: (dryRun: boolean) => ReturnType<BulkMenuProps<string>["act"]>;
  readonly onClose: () => void;
}) {
  const { verb, done, what, effect, danger = false, dismiss } = words;
  const queries = useQueryClient();
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
    await queries.invalidateQueries({ queryKey: ["invocation"] });
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
        {counted.isPending && <Loading rows={1} />}
        {counted.data === undefined ? null : <p>No {what} matches the filter.</p>}
      </Dialog>
    );
  }
  return (
    <ConfirmDialog
      onClose={onClose}
      title={`${verb} ${countOf(count, what)}?`}
      action={verb}
      danger={danger}
      dismiss={dismiss}
      onConfirm={run}
    >
      {effect}
    </ConfirmDialog>
  );
}
