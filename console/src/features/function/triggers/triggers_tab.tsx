import { useQuery } from "@tanstack/react-query";
import { api, dataOf } from "../../../api/client.ts";
import { keys } from "../../../api/keys.ts";
import type { Trigger } from "../../../api/types.ts";
import { Empty, Loaded } from "../../../parts/states.tsx";
import { type Column, DataTable } from "../../../parts/table.tsx";
import { Name } from "../../../parts/values.tsx";
import { useFunction } from "../use_function.ts";

const COLUMNS: readonly Column<Trigger>[] = [
  { id: "name", header: "Name", cell: ({ displayName }) => <Name value={displayName ?? ""} /> },
  { id: "paused", header: "State", cell: ({ paused }) => paused ? "Paused" : "Active" },
];

/** The triggers of the function. */
export function TriggersTab() {
  const fn = useFunction();
  const query = useQuery({
    queryKey: keys.triggers(fn.id),
    queryFn: ({ signal }) =>
      dataOf(api.GET("/api/v1/functions/{function_id}/triggers", {
        params: { path: { function_id: fn.id } },
        signal,
      })),
  });
  return (
    <Loaded query={query}>
      {({ list = [] }) => (
        <DataTable
          label="Triggers"
          columns={COLUMNS}
          rows={list}
          rowId={({ id }) => id ?? ""}
          empty={<Empty title="No triggers" />}
        />
      )}
    </Loaded>
  );
}
