import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, dataOf } from "../../api/client.ts";
import { BulkDialog } from "../../parts/bulk_dialog.tsx";
import { Menu } from "../../parts/menu.tsx";
import type { ApiFilter } from "./filter.ts";

type Action = "replay" | "cancel";

/** In place of the id of a function: all that the filter names. */
const ALL_FUNCTIONS = "-";

const WORDS = {
  replay: {
    verb: "Replay",
    done: "Replayed",
    what: "ended invocation",
    effect: "Each function is called again with the same input and the same commit.",
  },
  cancel: {
    verb: "Cancel",
    done: "Cancelled",
    what: "unfinished invocation",
    effect: "Those that run are ended; those that wait do not start.",
  },
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

/** Acts on everything that the filter matches. */
export function BulkActions({ filter }: { readonly filter: ApiFilter }) {
  const [action, setAction] = useState<Action>();
  const queries = useQueryClient();
  const { effect, ...words } = WORDS[action ?? "replay"];
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
          {...words}
          danger={action === "cancel"}
          filter={filter}
          act={async (dryRun) => {
            const answer = await act(action, filter, dryRun);
            if (!dryRun) await queries.invalidateQueries({ queryKey: ["invocation"] });
            return answer;
          }}
          onClose={() => setAction(undefined)}
        >
          {effect}
        </BulkDialog>
      )}
    </>
  );
}
