import { useInfiniteQuery } from "@tanstack/react-query";
import type { Commit } from "../../../api/types.ts";
import { shortId } from "../../../parts/format.ts";
import { Empty, Loaded } from "../../../parts/states.tsx";
import { type Column, DataTable } from "../../../parts/table.tsx";
import { Name, Time } from "../../../parts/values.tsx";
import { commitsQuery } from "../queries.ts";
import { useFunction } from "../use_function.ts";

const COLUMNS: readonly Column<Commit>[] = [
  { id: "id", header: "Commit", width: "110px", cell: ({ id }) => <code>{shortId(id)}</code> },
  { id: "message", header: "Message", cell: ({ message = "" }) => <Name value={message} /> },
  {
    id: "author",
    header: "By",
    width: "180px",
    minor: true,
    cell: ({ author = "" }) => <Name value={author} />,
  },
  {
    id: "time",
    header: "Made",
    width: "120px",
    cell: ({ createdAt }) => <Time value={createdAt} />,
  },
];

/** The commits of the function, newest first. */
export function HistoryTab() {
  const fn = useFunction();
  const query = useInfiniteQuery(commitsQuery(fn.id));
  return (
    <Loaded query={query}>
      {({ pages }) => (
        <DataTable
          label="Commits"
          columns={COLUMNS}
          rows={pages.flatMap(({ list }) => list)}
          rowId={({ id }) => id}
          empty={<Empty title="No commits" />}
          more={{
            hasMore: query.hasNextPage,
            isLoading: query.isFetchingNextPage,
            load: () => void query.fetchNextPage(),
          }}
        />
      )}
    </Loaded>
  );
}
