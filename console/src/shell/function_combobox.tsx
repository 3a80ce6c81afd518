import { Combobox } from "@base-ui/react/combobox";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useId, useState } from "react";
import { Icon } from "../parts/icon.tsx";
import { Name } from "../parts/values.tsx";
import { FunctionName, functionsNamedQuery } from "./function_name.tsx";

export interface FunctionFilterProps {
  readonly label: string;
  /** Ids of functions. */
  readonly value: readonly string[];
  readonly onChange: (ids: readonly string[]) => void;
  readonly error?: string | undefined;
}

/** A `FunctionFilter` that finds functions as somebody types. */
export function FunctionCombobox(
  { label, value, onChange, error, initialText }: FunctionFilterProps & {
    readonly initialText: string | undefined;
  },
) {
  const id = useId();
  const [text, setText] = useState(initialText ?? "");
  const { data: found = [] } = useQuery({
    ...functionsNamedQuery(text),
    placeholderData: keepPreviousData,
  });
  const names = new Map(found.map((fn) => [fn.id, fn.name]));
  return (
    <Combobox.Root
      multiple
      defaultOpen={text !== ""}
      items={found.map((fn) => fn.id)}
      filter={null}
      value={[...value]}
      onValueChange={(ids, { reason }) => {
        // A key that closes things must not drop what was chosen.
        if (reason === "escape-key") return;
        setText("");
        onChange(ids);
      }}
      inputValue={text}
      onInputValueChange={setText}
      itemToStringLabel={(fn: string) => names.get(fn) ?? fn}
    >
      <div className="field">
        <label className="field-label" htmlFor={id}>{label}</label>
        <Combobox.Chips className="input chips">
          {value.map((fn) => (
            <Combobox.Chip key={fn} className="chip">
              <FunctionName id={fn} />
              <Combobox.ChipRemove className="chip-remove" aria-label="Remove">
                <Icon name="close" size={12} />
              </Combobox.ChipRemove>
            </Combobox.Chip>
          ))}
          <Combobox.Input
            id={id}
            className="chips-input"
            autoFocus={initialText !== undefined}
            placeholder={value.length === 0 ? "All" : ""}
            aria-invalid={error === undefined ? undefined : true}
          />
        </Combobox.Chips>
        {error === undefined ? null : <p className="field-error" role="alert">{error}</p>}
      </div>
      <Combobox.Portal>
        <Combobox.Positioner className="popup-layer" sideOffset={4} align="start">
          <Combobox.Popup className="popup choices">
            <Combobox.Empty className="choices-empty">No functions match</Combobox.Empty>
            <Combobox.List>
              {(fn: string) => (
                <Combobox.Item key={fn} value={fn} className="menu-item choice">
                  <Name value={names.get(fn) ?? fn} />
                  <Combobox.ItemIndicator>
                    <Icon name="check" />
                  </Combobox.ItemIndicator>
                </Combobox.Item>
              )}
            </Combobox.List>
          </Combobox.Popup>
        </Combobox.Positioner>
      </Combobox.Portal>
    </Combobox.Root>
  );
}
