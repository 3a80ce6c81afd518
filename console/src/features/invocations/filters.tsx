import { Link } from "@tanstack/react-router";
import { useEffect, useMemo, useRef, useState } from "react";
import { Field, SelectField, TextField } from "../../parts/field.tsx";
import { faultOf } from "../../parts/faults.ts";
import { enumWords } from "../../parts/format.ts";
import { useShortcuts } from "../../parts/shortcuts.tsx";
import { FunctionFilter } from "../../shell/function_filter.tsx";
import {
  ERROR_WORDS,
  type ListSearch,
  localTimeOf,
  PRESETS,
  STATUSES,
  TRIGGERS,
  triggerWord,
} from "./filter.ts";

/** Fields whose faults the filters show. */
export const SHOWN_FAULTS = ["functionIds", "errorWord", "query", "since", "until"];
/** From the last typed letter to the search, in ms. */
const TYPING_PAUSE = 300;

interface FiltersProps {
  readonly search: ListSearch;
  readonly onChange: (search: ListSearch) => void;
  readonly error: unknown;
}

/** The members of the search without those that are empty. */
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
        error={faultOf(error, "query")}
        focusKey
      />
      <FunctionFilter
        label="Functions"
        value={search.functions ?? []}
        onChange={(functions) => set({ functions })}
        error={faultOf(error, "functionIds")}
      />
      <SelectField
        label="Status"
        value={search.status ?? ""}
        onChange={(status) => set({ status })}
        options={options(STATUSES, (status) => enumWords(status, ""))}
      />
      <TypedField
        label="Error word"
        value={search.word ?? ""}
        onChange={(word) => set({ word: word.toUpperCase() })}
        error={faultOf(error, "errorWord")}
        list="invocations-words"
      />
      <datalist id="invocations-words">
        {ERROR_WORDS.map((word) => <option key={word} value={word} />)}
      </datalist>
      <SelectField
        label="Trigger"
        value={search.trigger ?? ""}
        onChange={(trigger) => set({ trigger })}
        options={options(TRIGGERS, triggerWord)}
      />
      <TimeFields search={search} set={set} error={error} />
      {search.parent === undefined ? null : (
        <p className="invocations-parent">
          Made by{" "}
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

function TimeFields(
  { search, set, error }: {
    readonly search: ListSearch;
    readonly set: (change: { since?: string | undefined; until?: string | undefined }) => void;
    readonly error: unknown;
  },
) {
  const { since, until } = search;
  const isPreset = since !== undefined && since in PRESETS;
  const hasExact = until !== undefined || (since !== undefined && !isPreset);
  const [wantsExact, setWantsExact] = useState(false);
  const isExact = hasExact || wantsExact;
  const choose = (value: string) => {
    setWantsExact(value === EXACT);
    if (value !== EXACT) set({ since: value, until: undefined });
  };
  const instant = (local: string) => local === "" ? undefined : new Date(local).toISOString();
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
          { value: EXACT, label: "From … to …" },
        ]}
      />
      {isExact
        ? (
          <>
            <ExactTime
              label="From"
              value={since}
              error={faultOf(error, "since")}
              onChange={(local) => set({ since: instant(local) })}
            />
            <ExactTime
              label="To"
              value={until}
              error={faultOf(error, "until")}
              onChange={(local) => set({ until: instant(local) })}
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
    readonly onChange: (local: string) => void;
  },
) {
  return (
    <Field label={label} error={error}>
      {(control) => (
        <input
          {...control}
          className="input"
          type="datetime-local"
          step="1"
          value={localTimeOf(value)}
          onChange={(event) => onChange(event.target.value)}
        />
      )}
    </Field>
  );
}

/** A field that reports what was typed once the reader pauses. */
function TypedField(
  { value, onChange, focusKey = false, ...rest }: {
    readonly label: string;
    readonly value: string;
    readonly onChange: (value: string) => void;
    readonly error?: string | undefined;
    readonly type?: "search";
    readonly list?: string;
    /** Whether / moves the focus here. */
    readonly focusKey?: boolean;
  },
) {
  const place = useRef<HTMLDivElement>(null);
  const [text, setText] = useState(value);
  const reported = useRef(value);
  useEffect(() => {
    // What comes back from the address is older than what was typed since.
    if (value === reported.current) return;
    reported.current = value;
    setText(value);
  }, [value]);
  useEffect(() => {
    if (text === reported.current) return;
    const timer = setTimeout(() => {
      reported.current = text;
      onChange(text);
    }, TYPING_PAUSE);
    return () => clearTimeout(timer);
  });
  const shortcuts = useMemo(() =>
    focusKey
      ? [{
        keys: "/",
        label: "Search the text",
        run: () => place.current?.querySelector("input")?.focus(),
      }]
      : [], [focusKey]);
  useShortcuts(shortcuts);
  return (
    <div ref={place}>
      <TextField {...rest} value={text} onChange={setText} />
    </div>
  );
}
