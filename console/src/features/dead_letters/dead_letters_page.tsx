import { useInfiniteQuery, type UseInfiniteQueryResult } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import type { DeadLetter } from "../../api/types.ts";
import { Button } from "../../parts/button.tsx";
import { remainingError } from "../../parts/faults.ts";
import { formatCount } from "../../parts/format.ts";
import { Page } from "../../parts/page.tsx";
import { Empty, ErrorNote, Loading } from "../../parts/states.tsx";
import { type Column, DataTable, moreOf } from "../../parts/table.tsx";
import { Name, Time } from "../../parts/values.tsx";
import { FunctionName } from "../../shell/function_name.tsx";
import { ActDialog, type Asked } from "./act_dialog.tsx";
import { LetterDialog } from "./letter_dialog.tsx";
import { BulkActions } from "./bulk.tsx";
import { Filters, SHOWN_FAULTS } from "./filters.tsx";
import { deadLettersQuery } from "./queries.ts";
import type { LetterFilter } from "./filter.ts";

const ERROR_CHARACTERS = 300;
const NO_LETTERS: readonly DeadLetter[] = [];

export function DeadLettersPage() {
  const { letter, ...filter } = useSearch({ from: "/shell/dead-letters" });
  const navigate = useNavigate();
  const query = useInfiniteQuery(deadLettersQuery(filter));
  const letters = useMemo(
    () => query.data?.pages.flatMap(({ list }) => list) ?? NO_LETTERS,
    [query.data],
  );
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [asked, setAsked] = useState<Asked>();
  const picked = letters.filter(({ id }) => chosen.has(id));
  const close = () => void navigate({ to: "/dead-letters", search: filter });
  const columns = useMemo(() => columnsOf(chosen, setChosen), [chosen]);
  return (
    <Page
      title="Dead letters"
      actions={
        <>
          <BulkActions filter={filter} />
          <Bulk letters={letters} picked={picked} onChoose={setChosen} onAsk={setAsked} />
        </>
      }
    >
      <p className="muted">Calls that failed at their last attempt wait here for a decision.</p>
      <div>
        <Filters
          filter={filter}
          error={query.isFetchNextPageError ? undefined : query.error}
          onChange={(search) => void navigate({ to: "/dead-letters", search, replace: true })}
        />
        <LetterList query={query} letters={letters} columns={columns} filter={filter} />
      </div>
      {letter === undefined
        ? null
        : <LetterDialog key={letter} id={letter} onClose={close} onAsk={setAsked} />}
      {asked === undefined ? null : (
        <ActDialog
          asked={asked}
          onClose={() => setAsked(undefined)}
          onDone={() => {
            setChosen(new Set());
            close();
          }}
        />
      )}
    </Page>
  );
}

function LetterList(
  { query, letters, columns, filter }: {
    readonly query: UseInfiniteQueryResult;
    readonly letters: readonly DeadLetter[];
    readonly columns: readonly Column<DeadLetter>[];
    readonly filter: LetterFilter;
  },
) {
  const error = query.isFetchNextPageError ? undefined : query.error;
  const remaining = remainingError(error, SHOWN_FAULTS);
  return (
    <>
      {remaining === undefined
        ? null
        : <ErrorNote error={remaining} onRetry={() => void query.refetch()} />}
      {query.isPending ? <Loading rows={8} /> : null}
      {query.data === undefined ? null : (
        <DataTable
          label="Dead letters, newest first"
          columns={columns}
          rows={letters}
          rowId={idOf}
          rowKeys
          more={moreOf(query)}
          empty={Object.keys(filter).length > 0
            ? (
              <Empty
                title="No dead letter matches"
                action={
                  <Link className="button" to="/dead-letters" search={{}}>Clear the filter</Link>
                }
              />
            )
            : (
              <Empty title="No dead letters">
                A function's retry policy says how often its calls start before they end here.
              </Empty>
            )}
        />
      )}
    </>
  );
}

function idOf({ id }: DeadLetter): string {
  return id;
}

/** Acts on the chosen ones; chooses all that are loaded. */
function Bulk(
  { letters, picked, onChoose, onAsk }: {
    readonly letters: readonly DeadLetter[];
    readonly picked: readonly DeadLetter[];
    readonly onChoose: (ids: ReadonlySet<string>) => void;
    readonly onAsk: (asked: Asked) => void;
  },
) {
  if (letters.length === 0) return null;
  const isAll = picked.length === letters.length;
  return (
    <>
      <Button onClick={() => onChoose(new Set(isAll ? [] : letters.map(({ id }) => id)))}>
        {isAll ? "Choose none" : `Choose all ${formatCount(letters.length)}`}
      </Button>
      <Button
        disabled={picked.length === 0}
        onClick={() => onAsk({ action: "replay", letters: picked })}
      >
        Replay {picked.length === 0 ? "" : formatCount(picked.length)}
      </Button>
      <Button
        look="danger"
        disabled={picked.length === 0}
        onClick={() => onAsk({ action: "drop", letters: picked })}
      >
        Drop {picked.length === 0 ? "" : formatCount(picked.length)}
      </Button>
    </>
  );
}

function columnsOf(
  chosen: ReadonlySet<string>,
  choose: (ids: ReadonlySet<string>) => void,
): readonly Column<DeadLetter>[] {
  const toggle = (id: string) => {
    const next = new Set(chosen);
    if (!next.delete(id)) next.add(id);
    choose(next);
  };
  return [
    {
      id: "chosen",
      header: "Chosen",
      width: "64px",
      cell: ({ id }) => (
        <input
          type="checkbox"
          aria-label={`Choose dead letter ${id}`}
          checked={chosen.has(id)}
          onChange={() => toggle(id)}
        />
      ),
    },
    {
      id: "function",
      header: "Function",
      width: "26%",
      cell: (letter) => (
        <Link
          to="/dead-letters"
          search={(search) => ({ ...search, letter: letter.id })}
        >
          <FunctionName id={letter.functionId} />
        </Link>
      ),
    },
    {
      id: "error",
      header: "Error",
      cell: ({ error }) => (
        <span className="dead-letters-error">
          <Name value={error.slice(0, ERROR_CHARACTERS)} />
        </span>
      ),
    },
    {
      id: "attempts",
      header: "Attempts",
      width: "76px",
      align: "end",
      minor: true,
      cell: ({ attempts }) => attempts.length,
    },
    {
      id: "parked",
      header: "Parked",
      width: "110px",
      minor: true,
      cell: ({ parkedAt }) => <Time value={parkedAt} />,
    },
  ];
}
