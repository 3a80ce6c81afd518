import { lazy, Suspense, useState } from "react";
import { Field } from "../parts/field.tsx";
import type { FunctionFilterProps } from "./function_combobox.tsx";

const FunctionCombobox = lazy(async () => ({
  default: (await import("./function_combobox.tsx")).FunctionCombobox,
}));

/** Chooses any number of functions by their names. Its code loads with the first choice or the first letter. */
export function FunctionFilter(props: FunctionFilterProps) {
  const [text, setText] = useState<string>();
  const input = (
    <Field label={props.label} error={props.error}>
      {(control) => (
        <input
          {...control}
          className="input"
          placeholder="All"
          value={text ?? ""}
          onFocus={() => setText(text ?? "")}
          onChange={({ target }) => setText(target.value)}
        />
      )}
    </Field>
  );
  if (text === undefined && props.value.length === 0) return input;
  return (
    <Suspense fallback={input}>
      <FunctionCombobox {...props} initialText={text} />
    </Suspense>
  );
}
