/** The fields of what people call a resource, in its forms. */
import type { Violation } from "./dialog.tsx";
import { TextField } from "./field.tsx";

interface FieldProps<Draft> {
  /** The resource in its form. */
  readonly value: Draft;
  readonly onChange: (change: Draft) => void;
  readonly violation: Violation;
  readonly hint?: string;
}

/** The first field of a form: it has the focus. */
export function NameField(
  { value, onChange, violation, hint }: FieldProps<{ readonly displayName: string }>,
) {
  return (
    <TextField
      label="Name"
      hint={hint}
      value={value.displayName}
      onChange={(displayName) => onChange({ displayName })}
      error={violation("displayName")}
      autoFocus
    />
  );
}

export function DescriptionField(
  { value, onChange, violation }: FieldProps<{ readonly description: string }>,
) {
  return (
    <TextField
      label="Description"
      value={value.description}
      onChange={(description) => onChange({ description })}
      error={violation("description")}
    />
  );
}
