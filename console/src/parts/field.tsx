import { type ReactNode, useId } from "react";

interface FieldProps {
  readonly label: string;
  readonly hint?: ReactNode;
  /** The violation of the value, shown at the field. */
  readonly error?: string | undefined;
  /** Gets the attributes that join the control with its label, hint and error. */
  readonly children: (control: ControlProps) => ReactNode;
}

interface ControlProps {
  readonly id: string;
  readonly "aria-describedby"?: string;
  readonly "aria-invalid"?: true;
}

/** A control with its label, hint and violation. */
export function Field({ label, hint, error, children }: FieldProps) {
  const id = useId();
  const describes = [
    hint === undefined ? "" : `${id}-hint`,
    error === undefined ? "" : `${id}-error`,
  ]
    .filter((part) => part !== "").join(" ");
  const control: ControlProps = {
    id,
    ...(describes === "" ? {} : { "aria-describedby": describes }),
    ...(error === undefined ? {} : { "aria-invalid": true }),
  };
  return (
    <div className="field">
      <label className="field-label" htmlFor={id}>{label}</label>
      {children(control)}
      {hint === undefined ? null : <p className="field-hint" id={`${id}-hint`}>{hint}</p>}
      {error === undefined
        ? null
        : <p className="field-error" id={`${id}-error`} role="alert">{error}</p>}
    </div>
  );
}

interface ValueProps<T> extends Omit<FieldProps, "children"> {
  readonly value: T;
  readonly onChange: (value: T) => void;
}

interface TextFieldProps extends ValueProps<string> {
  readonly type?:
    | "text"
    | "password"
    | "search"
    | "datetime-local"
    | "url";
  readonly placeholder?: string;
  readonly mono?: boolean;
  readonly autoFocus?: boolean;
  readonly autoComplete?: string;
  readonly list?: string;
}

export function TextField(
  { label, hint, error, value, onChange, mono = false, ...rest }: TextFieldProps,
) {
  return (
    <Field label={label} hint={hint} error={error}>
      {(control) => (
        <input
          {...control}
          autoComplete="off"
          spellCheck={false}
          {...rest}
          className={`input ${mono ? "mono" : ""}`}
          value={value}
          onChange={(event) => onChange(event.target.value)}
        />
      )}
    </Field>
  );
}

/** A field for a secret, which the browser neither shows nor fills in. */
export function SecretField(props: Omit<TextFieldProps, "type" | "autoComplete">) {
  return <TextField {...props} type="password" autoComplete="new-password" />;
}

export function TextAreaField(
  { label, hint, error, value, onChange, rows = 4, mono = true, ...rest }:
    & ValueProps<string>
    & {
      readonly rows?: number;
      readonly mono?: boolean;
      readonly placeholder?: string;
    },
) {
  return (
    <Field label={label} hint={hint} error={error}>
      {(control) => (
        <textarea
          {...control}
          {...rest}
          spellCheck={false}
          className={`input ${mono ? "mono" : ""}`}
          rows={rows}
          value={value}
          onChange={(event) => onChange(event.target.value)}
        />
      )}
    </Field>
  );
}

export function SelectField<T extends string>(
  { label, hint, error, value, onChange, options }:
    & ValueProps<T>
    & {
      readonly options: readonly {
        readonly value: string;
        readonly label: string;
      }[];
    },
) {
  return (
    <Field label={label} hint={hint} error={error}>
      {(control) => (
        <select
          {...control}
          className="input"
          value={value}
          onChange={(event) => onChange(event.target.value as T)}
        >
          {options.map((option) => (
            <option key={option.value} value={option.value}>
              {option.label}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

export function CheckboxField(
  { label, hint, error, value, onChange }: ValueProps<boolean>,
) {
  const id = useId();
  return (
    <div className="field field-check">
      <input
        id={id}
        type="checkbox"
        checked={value}
        aria-describedby={hint === undefined ? undefined : `${id}-hint`}
        onChange={(event) => onChange(event.target.checked)}
      />
      <label htmlFor={id}>{label}</label>
      {hint === undefined ? null : <p className="field-hint" id={`${id}-hint`}>{hint}</p>}
      {error === undefined ? null : <p className="field-error" role="alert">{error}</p>}
    </div>
  );
}

/** The violation of a group of controls, which follows them. */
export function GroupError({ error }: { readonly error: string | undefined }) {
  return error === undefined ? null : <p className="field-error" role="alert">{error}</p>;
}

/** What a field gets for a member of a draft. @param path of the member in the request, if it has another name there */
export type FieldOf<D> = <K extends keyof D & string>(name: K, path?: string) => {
  readonly value: D[K];
  // A method, whose parameter may vary: the fields of a whole draft are given to a form of a part of the draft.
  onChange(value: D[K]): void;
  readonly error: string | undefined;
};

/** Joins the fields of a form with the members of its draft. */
export function fieldsOf<D>(
  draft: D,
  edit: (change: Partial<D>) => void,
  violation: (path: string) => string | undefined,
): FieldOf<D> {
  return (name, path = name) => ({
    value: draft[name],
    onChange: (value) => edit({ [name]: value } as unknown as Partial<D>),
    error: violation(path),
  });
}
