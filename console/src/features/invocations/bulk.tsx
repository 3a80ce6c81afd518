import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, dataOf } from "../../api/client.ts";
import { ConfirmDialog, Dialog } from "../../parts/dialog.tsx";
import { formatCount } from "../../parts/format.ts";
import { Menu } from "../../parts/menu.tsx";
import { ErrorNote, Loading } from "../../parts/states.tsx";
import { toast } from "../../parts/toasts.tsx";
import type { ApiFilter } from "./filter.ts";

type Action = "replay" | "cancel";

/** In place of the id of a function: all that the filter names. */
const ALL_FUNCTIONS = "-";

const WORDS = {
  replay: { verb: "Replay", done: "Replayed", what: "ended" },
  cancel: { verb: "Cancel", done: "Cancelled", what: "unfinished" },
} as const;

async function act(action: Action, filter: ApiFilter, dryRun: boolean) {
  const request = {
    params: { path: { function_id: ALL_FUNCTIONS } },
    body: { filter, dryRun },
  };
  return await dataOf(
    action === "replay"
      ? api.POST("/api/v1/functions/{function_id}/invocations/replay", request)
      : api.POST("/api/v1/functions/{function_id}/invocations/cancel", request),
  );
}

function countOf(count: number, what: string): string {
  return `${formatCount(count)} ${what} ${count === 1 ? "invocation" : "invocations"}`;
}

/** Acts on everything that the filter matches. */
export function BulkActions({ filter }: { readonly filter: ApiFilter }) {
  const [action, setAction] = useState<Action>();
  return (
    <>
      <Menu
        items={[
          { label: "Replay all that match …", onSelect: () => setAction("replay") },
          { label: "Cancel all that match …", onSelect: () => setAction("cancel"), danger: true },
        ]}
      >
        All that match
      </Menu>
      {action === undefined ? null : (
        <BulkDialog
          key={action}
          action={action}
          filter={filter}
          onClose={() => setAction(undefined)}
        />
      )}
    </>
  );
}

/** Counts first, and asks with the count. */
function BulkDialog(
  { action, filter, onClose }: {
    readonly action: Action;
    readonly filter: ApiFilter;
    readonly onClose: () => void;
  },
) {
  const queries = useQueryClient();
  const { verb, done, what } = WORDS[action];
  const counted = useQuery({
    queryKey: ["bulk", action, filter],
    queryFn: () => act(action, filter, true),
    staleTime: 0,
    gcTime: 0,
    retry: false,
  });
  const count = counted.data?.count ?? 0;
  const run = async () => {
    const answer = await act(action, filter, false);
    toast(`${done} ${countOf(answer.count, "")}`.replace("  ", " "), {
      ...answer.skipped === 0 ? {} : { description: `${formatCount(answer.skipped)} could not be` },
    });
    await queries.invalidateQueries({ queryKey: ["invocation"] });
  };
  if (counted.data === undefined || count === 0) {
    return (
      <Dialog open onClose={onClose} title={`${verb} all that match`}>
        {counted.error === null ? null : <ErrorNote error={counted.error} />}
        {counted.isPending ? <Loading rows={1} /> : null}
        {counted.data === undefined ? null : <p>The filter matches no {what} invocation.</p>}
      </Dialog>
    );
  }
  return (
    <ConfirmDialog
      open
      onClose={onClose}
      title={`${verb} ${countOf(count, what)}?`}
      action={verb}
      danger={action === "cancel"}
      onConfirm={run}
    >
      {action === "replay"
        ? "Each function is called again with the same input and the same commit."
        : "Those that run are ended; those that wait do not start."}
    </ConfirmDialog>
  );
}
