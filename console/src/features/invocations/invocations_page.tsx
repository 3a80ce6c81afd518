import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useRouteContext, useSearch } from "@tanstack/react-router";
import { useCallback, useMemo } from "react";
import { call } from "../../api/client.ts";
import { BulkMenu } from "../../parts/bulk_menu.tsx";
import { Button } from "../../parts/button.tsx";
import { remainingError } from "../../parts/violations.ts";
import { countOf, formatCount } from "../../parts/format.ts";
import { Page } from "../../parts/page.tsx";
import type { ChangeSearch } from "../../parts/search_change.ts";
import { Empty, ErrorNote, Loading, NoMatch } from "../../parts/states.tsx";
import { DataTable, moreOf } from "../../parts/table.tsx";
import { useLastPosition } from "../../shell/list_position.tsx";
import { COLUMNS } from "./columns.tsx";
import { activeFilters, type ApiFilter, isFiltered, type ListSearch } from "./filter.ts";
import { Filters, SHOWN_VIOLATIONS } from "./filters.tsx";
import { filterQuery, type Row, useFreshAtTop, useInvocationList } from "./list.ts";

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

export function InvocationsPage() {
  const search = useSearch({ from: "/shell/invocations" });
  const navigate = useNavigate({ from: "/invocations" });
  const change = useCallback<ChangeSearch<ListSearch>>((update) => {
    void navigate({ to: "/invocations", search: update, replace: true });
  }, [navigate]);
  const written = JSON.stringify(search);
  const { visit } = useRouteContext({ from: "/shell/invocations" });
  const { data: filter } = useQuery(filterQuery(visit, written));
  const shown = useMemo(() => ({ filter, visit }), [filter, visit]);
  useLastPosition("/invocations", search, visit);
  const list = useInvocationList(shown);
  const { history, rows } = list;
  // The table says why its next page is missing.
  const error = history.isFetchNextPageError ? null : history.error;
  useFreshAtTop(list.fresh, list.showFresh);
  return (
    <Page title="Invocations" actions={<BulkActions filter={filter} />}>
      <div>
        <Filters search={search} onChange={change} error={error} />
        <Failure error={error} onRetry={() => void history.refetch()} />
        <FreshButton {...list} />
        {history.isPending && <Loading rows={12} />}
        {history.data === undefined ? null : (
          <DataTable
            label="Invocations, newest first"
            columns={COLUMNS}
            rows={rows}
            rowId={idOf}
            rowKeys
            more={moreOf(history)}
            empty={<NoRows search={search} onChange={change} />}
          />
        )}
      </div>
    </Page>
  );
}

function idOf({ id }: Row): string {
  return id;
}

function Failure(
  { error, onRetry }: { readonly error: unknown; readonly onRetry: () => void },
) {
  const remaining = remainingError(error, SHOWN_VIOLATIONS);
  return remaining === undefined ? null : <ErrorNote error={remaining} onRetry={onRetry} />;
}

/** Offers rows that came while the reader was further down. */
function FreshButton(
  { fresh, hasGap, showFresh }: Pick<
    ReturnType<typeof useInvocationList>,
    "fresh" | "hasGap" | "showFresh"
  >,
) {
  const show = () => {
    showFresh();
    scrollTo({ top: 0 });
  };
  return (
    <div className="invocations-fresh" role="status">
      {fresh.length === 0 ? null : (
        <Button look="primary" onClick={show}>
          Show {hasGap
            ? `${formatCount(fresh.length)}+ new invocations`
            : countOf(fresh.length, "new invocation")}
        </Button>
      )}
    </div>
  );
}

function NoRows({ search, onChange }: {
  readonly search: ListSearch;
  readonly onChange: ChangeSearch<ListSearch>;
}) {
  if (!isFiltered(search)) {
    return (
      <Empty
        title="No invocations yet"
        action={
          <span className="row">
            <Link to="/functions" className="button button-primary">Run a function</Link>
            <Link to="/welcome" className="button">Run the example</Link>
          </span>
        }
      >
        Invocations appear here as soon as a function is called: from its page, by a trigger, or
        with <code>invoked invoke</code>.
      </Empty>
    );
  }
  return (
    <NoMatch
      title="No invocations match"
      filters={activeFilters(search, onChange)}
      onClear={() => onChange(() => ({}))}
    />
  );
}

async function act(action: Action, filter: ApiFilter, dryRun: boolean) {
  const request = {
    path: { function_id: ALL_FUNCTIONS },
    body: { filter, dryRun },
  };
  return await (action === "replay"
    ? call("POST /api/v1/functions/{function_id}/invocations/replay", request)
    : call("POST /api/v1/functions/{function_id}/invocations/cancel", request));
}

/** Acts on everything that the filter matches. */
function BulkActions({ filter }: { readonly filter: ApiFilter }) {
  return (
    <BulkMenu
      actions={WORDS}
      filter={filter}
      act={(action, dryRun) => act(action, filter, dryRun)}
    />
  );
}
