import { ERROR_CODES } from "../../parts/badge.tsx";
import { violationOf } from "../../parts/violations.ts";
import { TypedField } from "../../parts/typed_field.tsx";
import { FunctionFilter } from "../../shell/function_filter.tsx";
import type { LetterFilter } from "./filter.ts";

/** Fields whose violations the filters show. */
export const SHOWN_VIOLATIONS = ["error_word", "query"];

export function Filters(
  { filter, error, onChange }: {
    readonly filter: LetterFilter;
    readonly error: unknown;
    readonly onChange: (filter: LetterFilter) => void;
  },
) {
  const set = (name: keyof LetterFilter, value: string | undefined) => {
    const { [name]: _, ...others } = filter;
    onChange(value === undefined || value === "" ? others : { ...others, [name]: value });
  };
  return (
    <search className="filters dead-letters-filters">
      <TypedField
        label="Text"
        type="search"
        value={filter.q ?? ""}
        onChange={(q) => set("q", q)}
        error={violationOf(error, "query")}
        focusKey
      />
      <FunctionFilter
        label="Function"
        value={filter.function === undefined ? [] : [filter.function]}
        onChange={(ids) => set("function", ids.at(-1))}
      />
      <TypedField
        label="Error code"
        value={filter.word ?? ""}
        onChange={(word) => set("word", word)}
        error={violationOf(error, "error_word")}
        clean={(word) => word.toUpperCase()}
        offered={ERROR_CODES}
      />
    </search>
  );
}
