import { useInfiniteQuery, type UseInfiniteQueryResult } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import type { DeadLetter } from "../../api/client.ts";
import { ERROR_CODES } from "../../parts/badge.tsx";
import { BulkMenu } from "../../parts/bulk_menu.tsx";
import { Button } from "../../parts/button.tsx";
import { fieldsOf } from "../../parts/field.tsx";
import { formatCount } from "../../parts/format.ts";
import { Page } from "../../parts/page.tsx";
import { changed, type ChangeSearch, type SearchChange } from "../../parts/search_change.ts";
import { Empty, ErrorNote, Loading, NoMatch } from "../../parts/states.tsx";
import { type Column, DataTable, moreOf } from "../../parts/table.tsx";
import { TypedField } from "../../parts/typed_field.tsx";
import { Name, timeColumn } from "../../parts/values.tsx";
import { remainingError, violationOf } from "../../parts/violations.ts";
import { FunctionFilter } from "../../shell/function_filter.tsx";
import { FunctionName } from "../../shell/function_name.tsx";
import { ActDialog, ACTIONS, type Asked, LetterDialog } from "./dialogs.tsx";
import { actOnMatching, deadLettersQuery, type LetterFilter } from "./queries.ts";

const ERROR_CHARACTERS = 300;
const NO_LETTERS: readonly DeadLetter[] = [];

const FILTER_WORDS: Readonly<Record<keyof LetterFilter, string>> = {
  q: "text",
  function: "function",
  word: "error code",
};

export function DeadLettersPage() {
  const { letter, ...filter } = useSearch({ from: "/shell/dead-letters" });
  const navigate = useNavigate({ from: "/dead-letters" });
  const query = useInfiniteQuery(deadLettersQuery(filter));
  const letters = useMemo(
    () => query.data?.pages.flatMap(({ list }) => list) ?? NO_LETTERS,
    [query.data],
  );
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [asked, setAsked] = useState<Asked>();
  const picked = letters.filter(({ id }) => chosen.has(id));
  const change: ChangeSearch<LetterFilter> = (update) =>
    void navigate({
      to: "/dead-letters",
      search: ({ letter: _, ...search }) => update(search),
      replace: true,
    });
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
      <p className="muted">
        Invocations that failed on their last attempt stay here until you replay or drop them.
      </p>
      <div>
        <Filters
          filter={filter}
          error={query.isFetchNextPageError ? undefined : query.error}
          onChange={change}
        />
        <LetterList
          query={query}
          letters={letters}
          columns={columns}
          filter={filter}
          onChange={change}
        />
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

function LetterList({ query, letters, columns, filter, onChange }: {
  readonly onChange: ChangeSearch<LetterFilter>;
  readonly query: UseInfiniteQueryResult;
  readonly letters: readonly DeadLetter[];
  readonly columns: readonly Column<DeadLetter>[];
  readonly filter: LetterFilter;
}) {
  const error = query.isFetchNextPageError ? undefined : query.error;
  const remaining = remainingError(error, SHOWN_VIOLATIONS);
  return (
    <>
      {remaining === undefined
        ? null
        : <ErrorNote error={remaining} onRetry={() => void query.refetch()} />}
      {query.isPending && <Loading rows={8} />}
      {query.data === undefined ? null : (
        <DataTable
          label="Dead letters, newest first"
          columns={columns}
          rows={letters}
          rowId={idOf}
          rowKeys
          more={moreOf(query)}
          empty={<NoLetters filter={filter} onChange={onChange} />}
        />
      )}
    </>
  );
}

function NoLetters({ filter, onChange }: {
  readonly filter: LetterFilter;
  readonly onChange: ChangeSearch<LetterFilter>;
}) {
  const names = (Object.keys(FILTER_WORDS) as (keyof LetterFilter)[])
    .filter((name) => filter[name] !== undefined);
  if (names.length === 0) {
    return (
      <Empty
        title="No dead letters"
        action={<Link to="/functions" className="button">Choose a function</Link>}
      >
        An invocation is kept here when its last attempt fails. Set the number of attempts under
        Retries in the settings of a function.
      </Empty>
    );
  }
  return (
    <NoMatch
      title="No dead letters match"
      filters={names.map((name) => ({
        label: FILTER_WORDS[name] + (name === "function" ? "" : `: ${filter[name]}`),
        onClear: () => onChange((search) => changed(search, { [name]: undefined })),
      }))}
      onClear={() => onChange(() => ({}))}
    />
  );
}

function idOf({ id }: DeadLetter): string {
  return id;
}

/** Acts on the chosen ones; chooses all that are loaded. */
function Bulk({ letters, picked, onChoose, onAsk }: {
  readonly letters: readonly DeadLetter[];
  readonly picked: readonly DeadLetter[];
  readonly onChoose: (ids: ReadonlySet<string>) => void;
  readonly onAsk: (asked: Asked) => void;
}) {
  if (letters.length === 0) return null;
  const isAll = picked.length === letters.length;
  return (
    <>
      <Button onClick={() => onChoose(new Set(isAll ? [] : letters.map(({ id }) => id)))}>
        {isAll ? "Clear selection" : `Select all ${formatCount(letters.length)}`}
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
      header: "Select",
      width: "64px",
      cell: ({ id }) => (
        <input
          type="checkbox"
          aria-label={`Select dead letter ${id}`}
          checked={chosen.has(id)}
          onChange={() => toggle(id)}
        />
      ),
    },
    {
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
      header: "Error",
      minor: true,
      cell: ({ error }) => (
        <span className="dead-letters-error">
          <Name value={error.slice(0, ERROR_CHARACTERS)} />
        </span>
      ),
    },
    {
      header: "Attempts",
      width: "76px",
      align: "end",
      minor: true,
      cell: ({ attempts }) => attempts.length,
    },
    timeColumn("Added", 110, ({ parkedAt }) => parkedAt),
  ];
}

/** Acts on every dead letter that matches the filter, including dead letters that the list has not loaded. */
function BulkActions({ filter }: { readonly filter: LetterFilter }) {
  return (
    <BulkMenu
      actions={ACTIONS}
      filter={filter}
      act={(action, dryRun) => actOnMatching(action, filter, dryRun)}
    />
  );
}

/** Fields whose violations the filters show. */
const SHOWN_VIOLATIONS = ["error_word", "query"];

function Filters({ filter, error, onChange }: {
  readonly filter: LetterFilter;
  readonly error: unknown;
  readonly onChange: ChangeSearch<LetterFilter>;
}) {
  const set = (change: SearchChange<LetterFilter>) => onChange((search) => changed(search, change));
  const field = fieldsOf({ q: "", word: "", ...filter }, set, (name) => violationOf(error, name));
  return (
    <search className="filters dead-letters-filters">
      <TypedField label="Text" type="search" {...field("q", "query")} focusKey />
      <FunctionFilter
        label="Function"
        value={filter.function === undefined ? [] : [filter.function]}
        onChange={(ids) => set({ function: ids.at(-1) })}
      />
      <TypedField
        label="Error code"
        {...field("word", "error_word")}
        clean={(word) => word.toUpperCase()}
        offered={ERROR_CODES}
      />
    </search>
  );
}
