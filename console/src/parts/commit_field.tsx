import { useState } from "react";
import { SelectField, TextField } from "./field.tsx";

const OTHER = "other";

interface CommitFieldProps {
  readonly label: string;
  readonly hint?: string | undefined;
  readonly error?: string | undefined;
  /** The value of an option, or what was typed: an id, `HEAD` or `refs/tags/NAME`. */
  readonly value: string;
  readonly onChange: (value: string) => void;
  /** The commits that the field offers; a reader can name any other one. */
  readonly options: readonly { readonly value: string; readonly label: string }[];
}

/** Chooses a commit from a list, or takes the id of another one. */
export function CommitField(
  { label, hint, error, value, onChange, options }: CommitFieldProps,
) {
  const [isOther, setOther] = useState(false);
  const [typed, setTyped] = useState("");
  return (
    <>
      <SelectField
        label={label}
        hint={hint}
        value={isOther ? OTHER : value}
        onChange={(choice) => {
          setOther(choice === OTHER);
          onChange(choice === OTHER ? typed.trim() : choice);
        }}
        error={isOther ? undefined : error}
        options={[...options, { value: OTHER, label: "Other …" }]}
      />
      {isOther
        ? (
          <TextField
            label="Commit id or tag"
            hint="Write a tag as refs/tags/NAME"
            value={typed}
            onChange={(text) => {
              setTyped(text);
              onChange(text.trim());
            }}
            error={error}
            mono
          />
        )
        : null}
    </>
  );
}
