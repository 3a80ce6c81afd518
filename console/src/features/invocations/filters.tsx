import { Link } from "@tanstack/react-router";
import { fieldsOf, SelectField } from "../../parts/field.tsx";
import { ERROR_CODES } from "../../parts/badge.tsx";
import { violationOf } from "../../parts/violations.ts";
import { enumWords } from "../../parts/format.ts";
import { changed, type ChangeSearch, type SearchChange } from "../../parts/search_change.ts";
import { TimeFields } from "../../parts/time_fields.tsx";
import { TypedField } from "../../parts/typed_field.tsx";
import { FunctionFilter } from "../../shell/function_filter.tsx";
import { type ListSearch, STATUSES, TRIGGERS, triggerWord } from "./filter.ts";

/** Fields whose violations the filters show. */
export const SHOWN_VIOLATIONS = ["functionIds", "errorWord", "query", "since", "until"];

interface FiltersProps {
  readonly search: ListSearch;
  readonly onChange: ChangeSearch<ListSearch>;
  readonly error: unknown;
}

export function Filters({ search, onChange, error }: FiltersProps) {
  const set = (change: SearchChange<ListSearch>) => onChange((search) => changed(search, change));
  const all = { q: "", functions: [], status: "", word: "", trigger: "", ...search };
  const field = fieldsOf(all, set, (name) => violationOf(error, name));
  const options = (values: readonly string[], words: (value: string) => string) => [
    { value: "", label: "Any" },
    ...values.map((value) => ({ value, label: words(value) })),
  ];
  return (
    <search className="filters invocations-filters">
      <TypedField label="Text" type="search" {...field("q", "query")} focusKey />
      <FunctionFilter label="Functions" {...field("functions", "functionIds")} />
      <SelectField
        label="Status"
        {...field("status")}
        options={options(STATUSES, (status) => enumWords(status, ""))}
      />
      <TypedField
        label="Error code"
        {...field("word", "errorWord")}
        clean={(word) => word.toUpperCase()}
        offered={ERROR_CODES}
      />
      <SelectField label="Trigger" {...field("trigger")} options={options(TRIGGERS, triggerWord)} />
      <TimeFields range={search} set={set} error={error} />
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
