import { keepPreviousData, useInfiniteQuery } from "@tanstack/react-query";
import { Link, useNavigate, useRouteContext, useSearch } from "@tanstack/react-router";
import { useMemo } from "react";
import { call, type Fn } from "../../api/client.ts";
import { keys, pagedQuery } from "../../api/queries.ts";
import { FunctionState } from "../../parts/badge.tsx";
import { ListSearch, PagedTable } from "../../parts/list.tsx";
import { Page } from "../../parts/page.tsx";
import { Empty } from "../../parts/states.tsx";
import type { Column } from "../../parts/table.tsx";
import { Name, timeColumn } from "../../parts/values.tsx";
import { useLastPosition } from "../../shell/list_position.tsx";
import { useMay } from "../../shell/rights.ts";
import { InvocationsCell, LastRunCell, useActivity } from "./activity.tsx";

/** Functions in pages, newest first; those whose name or description has the text. */
function functionsQuery(query: string) {
  return pagedQuery<Fn>(
    keys.functions(query),
    ({ page_size: pageSize, page_token: pageToken }, signal) =>
      call("POST /api/v1/search/functions", {
        body: { query, functionTypes: [], pageSize, pageToken },
        signal,
      }),
  );
}

export function FunctionsPage() {
  const { q = "" } = useSearch({ from: "/shell/functions" });
  const { visit } = useRouteContext({ from: "/shell/functions" });
  useLastPosition("/functions", q === "" ? {} : { q }, visit);
  const navigate = useNavigate();
  const query = useInfiniteQuery({ ...functionsQuery(q), placeholderData: keepPreviousData });
  const rows = useMemo(() => query.data?.pages.flatMap(({ list }) => list) ?? [], [query.data]);
  const columns = useColumns(rows);
  return (
    <Page
      title="Functions"
      actions={<NewFunction />}
    >
      <div>
        <ListSearch
          label="Name or description"
          value={q}
          onChange={(text) =>
            void navigate({
              to: "/functions",
              search: text === "" ? {} : { q: text },
              replace: true,
            })}
        />
        <PagedTable
          query={query}
          label="Functions"
          columns={columns}
          rowId={(fn) => fn.id}
          empty={<NoFunctions query={q} />}
          rowKeys
        />
      </div>
    </Page>
  );
}

function useColumns(functions: readonly Fn[]): readonly Column<Fn>[] {
  const activity = useActivity(useMemo(() => functions.map(({ id }) => id), [functions]));
  return useMemo(() => [
    {
      header: "Name",
      sortBy: (fn) => fn.displayName.toLowerCase(),
      cell: (fn) => (
        <Link to="/functions/$functionId" params={{ functionId: fn.id }}>
          <Name value={fn.displayName} />
        </Link>
      ),
    },
    { header: "State", width: "168px", cell: (fn) => <FunctionState {...fn} /> },
    {
      header: "Triggers",
      width: "80px",
      align: "end",
      minor: true,
      sortBy: (fn) => fn.hookRefs?.length ?? 0,
      cell: (fn) => fn.hookRefs?.length ?? 0,
    },
    {
      header: "Invocations in 24 h",
      width: "215px",
      minor: true,
      sortBy: (fn) => activity.get(fn.id)?.calls ?? 0,
      cell: (fn) => <InvocationsCell name={fn.displayName} activity={activity.get(fn.id)} />,
    },
    {
      header: "Last run",
      width: "110px",
      minor: true,
      sortBy: (fn) => activity.get(fn.id)?.lastRun ?? "",
      cell: (fn) => <LastRunCell activity={activity.get(fn.id)} />,
    },
    timeColumn("Updated", 96, (fn) => fn.updatedAt, { isSortable: true }),
  ], [activity]);
}

/** Leads those to the templates who may create a function. */
function NewFunction() {
  const mayCreate = useMay()("c1.api.functions.v1.FunctionsService.CreateFunction");
  return mayCreate
    ? <Link to="/functions/new" className="button button-primary">New function</Link>
    : null;
}

function NoFunctions({ query }: { readonly query: string }) {
  return query === ""
    ? (
      <Empty
        title="No functions yet"
        action={<NewFunction />}
      >
        Start from a template, or deploy a folder with <code>invoked deploy</code>.
      </Empty>
    )
    : (
      <Empty
        title="No functions match"
        action={<Link to="/functions" className="button">Clear the search</Link>}
      >
        The search looks in names and descriptions.
      </Empty>
    );
}
