import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { BulkDialog } from "../../parts/bulk_dialog.tsx";
import { Menu } from "../../parts/menu.tsx";
import { ACTIONS } from "./act_dialog.tsx";
import { type Action, actOnMatching } from "./queries.ts";
import type { LetterFilter } from "./filter.ts";

/** Acts on every dead letter that the filter matches, those that the list has not loaded included. */
export function BulkActions({ filter }: { readonly filter: LetterFilter }) {
  const [action, setAction] = useState<Action>();
  const queries = useQueryClient();
  const { verb, done, effect } = ACTIONS[action ?? "replay"];
  return (
    <>
      <Menu
        items={[
          { label: "Replay all that match …", onSelect: () => setAction("replay") },
          { label: "Drop all that match …", onSelect: () => setAction("drop"), danger: true },
        ]}
      >
        All that match
      </Menu>
      {action === undefined ? null : (
        <BulkDialog
          verb={verb}
          done={done}
          what="dead letter"
          danger={action === "drop"}
          filter={filter}
          act={async (dryRun) => {
            const answer = await actOnMatching(action, filter, dryRun);
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
