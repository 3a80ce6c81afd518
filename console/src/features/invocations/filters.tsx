import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { Field, SelectField } from "../../parts/field.tsx";
import { ERROR_CODES } from "../../parts/badge.tsx";
import { violationOf } from "../../parts/violations.ts";
import { enumWords } from "../../parts/format.ts";
import { TypedField, useTyped } from "../../parts/typed_field.tsx";
import { FunctionFilter } from "../../shell/function_filter.tsx";
import {
  isPreset,
  type ListSearch,
  localTimeOf,
  STATUSES,
  timeOfLocal,
  TRIGGERS,
  triggerWord,
} from "./filter.ts";

/** Fields whose violations the filters show. */
export const SHOWN_VIOLATIONS = ["functionIds", "errorWord", "query", "since", "until"];

interface FiltersProps {
  readonly search: ListSearch;
  readonly onChange: (search: ListSearch) => void;
  readonly error: unknown;
}

/** The search without its empty members. */
function cleaned(search: Readonly<Record<keyof ListSearch, unknown>>): ListSearch {
  return Object.fromEntries(
    Object.entries(search).filter(([, value]) =>
      value !== undefined && value !== "" && !(Array.isArray(value) && value.length === 0)
    ),
  );
}

export function Filters({ search, onChange, error }: FiltersProps) {
  const set = (change: { readonly [P in keyof ListSearch]?: ListSearch[P] | undefined }) =>
    onChange(cleaned({ ...search, ...change } as Record<keyof ListSearch, unknown>));
  const options = (values: readonly string[], words: (value: string) => string) => [
    { value: "", label: "Any" },
    ...values.map((value) => ({ value, label: words(value) })),
  ];
  return (
    <search className="filters invocations-filters">
      <TypedField
        label="Text"
        type="search"
        value={search.q ?? ""}
        onChange={(q) => set({ q })}
        error={violationOf(error, "query")}
        focusKey
      />
      <FunctionFilter
        label="Functions"
        value={search.functions ?? []}
        onChange={(functions) => set({ functions })}
        error={violationOf(error, "functionIds")}
      />
      <SelectField
        label="Status"
        value={search.status ?? ""}
        onChange={(status) => set({ status })}
        options={options(STATUSES, (status) => enumWords(status, ""))}
      />
      <TypedField
        label="Error code"
        value={search.word ?? ""}
        onChange={(word) => set({ word })}
        error={violationOf(error, "errorWord")}
        clean={(word) => word.toUpperCase()}
        offered={ERROR_CODES}
      />
      <SelectField
        label="Trigger"
        value={search.trigger ?? ""}
        onChange={(trigger) => set({ trigger })}
        options={options(TRIGGERS, triggerWord)}
      />
      <TimeFields search={search} set={set} error={error} />
      {search.parent === undefined ? null : (
        <p className="invocations-parent">
          Called by{" "}
          <Link to="/invocations/$invocationId" params={{ invocationId: search.parent }}>
            {search.parent}
          </Link>{" "}
          <button
            type="button"
            className="button button-plain"
            onClick={() => set({ parent: undefined })}
          >
            Show all
          </button>
        </p>
      )}
    </search>
  );
}

const EXACT = "exact";
/** Keeps the field from a year of more digits than a time in JSON has. */
const LAST_TIME = "9999-12-31T23:59:59";

function TimeFields(
  { search, set, error }: {
    readonly search: ListSearch;
    readonly set: (change: { since?: string | undefined; until?: string | undefined }) => void;
    readonly error: unknown;
  },
) {
  const { since, until } = search;
  const hasExact = until !== undefined || (since !== undefined && !isPreset(since));
  const [wantsExact, setWantsExact] = useState(false);
  const isExact = hasExact || wantsExact;
  const choose = (value: string) => {
    setWantsExact(value === EXACT);
    if (value !== EXACT) set({ since: value, until: undefined });
  };
  const setExact = (change: { since?: string | undefined; until?: string | undefined }) => {
    // A field that is empty while it is typed into stays.
    setWantsExact(true);
    set(change);
  };
  return (
    <>
      <SelectField
        label="Time"
        value={isExact ? EXACT : since ?? ""}
        onChange={choose}
        options={[
          { value: "", label: "Any" },
          { value: "15m", label: "Last 15 minutes" },
          { value: "1h", label: "Last hour" },
          { value: "24h", label: "Last 24 hours" },
          { value: "7d", label: "Last 7 days" },
          { value: EXACT, label: "Custom range" },
        ]}
      />
      {isExact
        ? (
          <>
            <ExactTime
              label="From"
              value={since}
              error={violationOf(error, "since")}
              onChange={(since) => setExact({ since })}
            />
            <ExactTime
              label="To"
              value={until}
              error={violationOf(error, "until")}
              onChange={(until) => setExact({ until })}
            />
          </>
        )
        : null}
    </>
  );
}

function ExactTime(
  { label, value, error, onChange }: {
    readonly label: string;
    readonly value: string | undefined;
    readonly error: string | undefined;
    readonly onChange: (time: string | undefined) => void;
  },
) {
  const [local, setLocal] = useTyped(
    localTimeOf(value),
    (typed) => onChange(timeOfLocal(typed)),
  );
  return (
    <Field label={label} error={error}>
      {(control) => (
        <input
          {...control}
          className="input"
          type="datetime-local"
          step="1"
          max={LAST_TIME}
          value={local}
          onChange={({ target }) => setLocal(target.value)}
        />
      )}
    </Field>
  );
}
