import { useEffect, useId, useMemo, useRef, useState } from "react";
import { SelectField, TextField } from "./field.tsx";
import { useShortcuts } from "./shortcuts.tsx";

/** From the last typed letter to the report, in ms. */
const TYPING_PAUSE = 300;

interface TypedFieldProps {
  readonly label: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly error?: string | undefined;
  readonly type?: "search";
  /** What is typed as it is kept, such as in capitals. */
  readonly clean?: (text: string) => string;
  /** Values that the browser offers. */
  readonly offered?: readonly string[];
  /** Whether / moves the focus here. */
  readonly focusKey?: boolean;
}

/** The text of a field, which is reported once the reader pauses. @param value as it is kept elsewhere, such as in the address */
export function useTyped(
  value: string,
  onChange: (value: string) => void,
): readonly [string, (text: string) => void] {
  const [text, setText] = useState(value);
  const reported = useRef(value);
  useEffect(() => {
    // The value that returns from the address is older than the text that was typed since.
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
  return [text, setText];
}

/** A field that reports what was typed once the reader pauses. */
export function TypedField(
  { value, onChange, clean, offered, focusKey = false, ...rest }: TypedFieldProps,
) {
  const container = useRef<HTMLDivElement>(null);
  const list = useId();
  const [text, setText] = useTyped(value, onChange);
  const shortcuts = useMemo(() =>
    focusKey
      ? [{
        keys: "/",
        label: "Search",
        run: () => container.current?.querySelector("input")?.focus(),
      }]
      : [], [focusKey]);
  useShortcuts(shortcuts);
  return (
    <div ref={container}>
      <TextField
        {...rest}
        {...(offered === undefined ? {} : { list })}
        value={text}
        onChange={(typed) => setText(clean === undefined ? typed : clean(typed))}
      />
      {offered === undefined ? null : (
        <datalist id={list}>
          {offered.map((word) => <option key={word} value={word} />)}
        </datalist>
      )}
    </div>
  );
}

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
      {isOther && (
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
      )}
    </>
  );
}
