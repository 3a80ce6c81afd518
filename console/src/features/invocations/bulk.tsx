import { api, dataOf } from "../../api/client.ts";
import { BulkMenu } from "../../parts/bulk_menu.tsx";
import type { ApiFilter } from "./filter.ts";

type Action = "replay" | "cancel";

/** In place of the id of a function: all that the filter names. */
const ALL_FUNCTIONS = "-";

const WORDS = {
  replay: {
    verb: "Replay",
    done: "Replayed",
    what: "finished invocation",
    effect: "Each function is called again with the same input and the same commit.",
  },
  cancel: {
    verb: "Cancel",
    done: "Cancelled",
    what: "unfinished invocation",
    effect: "Running invocations stop. Waiting ones do not start.",
    danger: true,
    dismiss: "Keep them",
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
  return (
    <BulkMenu
      actions={WORDS}
      filter={filter}
      act={(action, dryRun) => act(action, filter, dryRun)}
      queryKey={["invocation"]}
    />
  );
}
