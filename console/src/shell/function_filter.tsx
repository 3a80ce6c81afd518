import { type ComponentType, useCallback, useEffect, useState } from "react";
import { fromServer } from "../browser/connection.ts";
import { Field } from "../parts/field.tsx";
import type { FunctionFilterProps } from "./function_combobox.tsx";

type Combobox = ComponentType<FunctionFilterProps & { readonly initialText: string | undefined }>;

/**
 * Chooses any number of functions by their names. Its code loads with the first choice or the focus; the plain field stays
 * until then, so that nothing typed is lost.
 */
export function FunctionFilter(props: FunctionFilterProps) {
  const [text, setText] = useState<string>();
  const [Loaded, setLoaded] = useState<Combobox>();
  const load = useCallback(() => {
    void fromServer(() => import("./function_combobox.tsx")).then(({ FunctionCombobox }) => {
      setLoaded(() => FunctionCombobox);
    });
  }, []);
  const hasChoice = props.value.length > 0;
  useEffect(() => {
    if (hasChoice) load();
  }, [hasChoice, load]);
  if (Loaded !== undefined) return <Loaded {...props} initialText={text} />;
  return (
    <Field label={props.label} error={props.error}>
      {(control) => (
        <input
          {...control}
          className="input"
          placeholder="All"
          value={text ?? ""}
          onFocus={() => {
            setText(text ?? "");
            load();
          }}
          onChange={({ target }) => setText(target.value)}
        />
      )}
    </Field>
  );
}
