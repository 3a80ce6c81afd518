import { BulkMenu } from "../../parts/bulk_menu.tsx";
import { ACTIONS } from "./act_dialog.tsx";
import type { LetterFilter } from "./filter.ts";
import { actOnMatching } from "./queries.ts";

/** Acts on every dead letter that the filter matches, those that the list has not loaded included. */
export function BulkActions({ filter }: { readonly filter: LetterFilter }) {
  return (
    <BulkMenu
      actions={ACTIONS}
      filter={filter}
      act={(action, dryRun) => actOnMatching(action, filter, dryRun)}
      queryKey={["invocation"]}
    />
  );
}
