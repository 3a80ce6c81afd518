import { ApiError } from "../../../api/client.ts";
import type { Fn } from "../../../api/types.ts";
import { Button } from "../../../parts/button.tsx";
import { Icon } from "../../../parts/icon.tsx";
import { faultOf } from "../../../parts/faults.ts";
import { TextAreaField, TextField } from "../../../parts/field.tsx";
import { SectionForm } from "./section_form.tsx";
import { useSection } from "./use_section.ts";

type Row = readonly [name: string, value: string];

/** The variables of rows, without empty ones. Throws `ApiError` for a name that two rows have. */
function checkedVariables(rows: readonly Row[]): Readonly<Record<string, string>> {
  const filled = rows.map(([name, value]) => [name.trim(), value] as const)
    .filter(([name, value]) => name !== "" || value !== "");
  const names = filled.map(([name]) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice === undefined) return Object.fromEntries(filled);
  const fault = { field: `variables.${twice}`, description: "is the name of two variables" };
  throw new ApiError(0, "", "Two variables have the same name", [fault]);
}

/** Values that the function reads, and every reader of the function. */
export function Variables({ fn }: { readonly fn: Fn }) {
  const section = useSection(
    fn,
    ({ variables = {} }): { readonly variables: readonly Row[] } => ({
      variables: Object.entries(variables).sort(([a], [b]) => a < b ? -1 : 1),
    }),
    ({ variables }) => ({ variables: checkedVariables(variables) }),
  );
  const { draft: { variables: rows }, edit, error } = section;
  const change = (index: number, row: Row) =>
    edit({ variables: rows.map((each, at) => at === index ? row : each) });
  return (
    <SectionForm
      title="Variables"
      about="Plain text: anybody who can read the function can read them."
      section={section}
      words={{ variables: "the variables" }}
      faults={[...rows.map(([name]) => `variables.${name.trim()}`), "variables"]}
    >
      {rows.map(([name, value], index) => (
        <div key={index} className="function-pair">
          <TextField
            label={`Name ${index + 1}`}
            mono
            value={name}
            error={faultOf(error, `variables.${name.trim()}`)}
            onChange={(next) => change(index, [next, value])}
          />
          <TextAreaField
            label={`Value ${index + 1}`}
            rows={1}
            value={value}
            onChange={(next) => change(index, [name, next])}
          />
          <Button
            look="plain"
            className="button-icon"
            aria-label={`Remove variable ${index + 1}`}
            icon={<Icon name="trash" />}
            onClick={() => edit({ variables: rows.filter((_, at) => at !== index) })}
          />
        </div>
      ))}
      {section.error !== undefined && faultOf(error, "variables") !== undefined &&
          rows.every(([name]) => faultOf(error, `variables.${name.trim()}`) === undefined)
        ? <p className="field-error" role="alert">{faultOf(error, "variables")}</p>
        : null}
      <div>
        <Button onClick={() => edit({ variables: [...rows, ["", ""]] })}>Add a variable</Button>
      </div>
    </SectionForm>
  );
}
