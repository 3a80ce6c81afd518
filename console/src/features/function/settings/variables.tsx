import { ApiError } from "../../../api/client.ts";
import { Button, CopyButton } from "../../../parts/button.tsx";
import { GroupError, TextAreaField, TextField } from "../../../parts/field.tsx";
import { Icon } from "../../../parts/icon.tsx";
import { violationOf } from "../../../parts/violations.ts";
import { configText } from "../snippets.ts";
import { type SectionForm, type SettingsSection, SettingsSectionForm } from "./section.tsx";

type Row = readonly [name: string, value: string];

/** The variables of rows, without empty ones. Throws `ApiError` for a name that two rows have. */
function checkedVariables(rows: readonly Row[]): Readonly<Record<string, string>> {
  const filled = rows.map(([name, value]) => [name.trim(), value] as const)
    .filter(([name, value]) => name !== "" || value !== "");
  const names = filled.map(([name]) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice === undefined) return Object.fromEntries(filled);
  const violation = { field: `variables.${twice}`, description: "is the name of two variables" };
  throw new ApiError(0, "", "Two variables have the same name", [violation]);
}

export interface VariablesDraft {
  readonly variables: readonly Row[];
}

export const VARIABLES: SettingsSection<VariablesDraft> = {
  id: "variables",
  title: "Variables",
  fields: { variables: "Variables" },
  read: ({ variables = {} }) => ({
    variables: Object.entries(variables).sort(([a], [b]) => a < b ? -1 : 1),
  }),
  write: ({ variables }) => ({ variables: checkedVariables(variables) }),
};

/** Values that the function reads, and every reader of the function. */
export function Variables({ form }: { readonly form: SectionForm<VariablesDraft> }) {
  const { draft: { variables: rows }, edit, error } = form;
  const change = (index: number, row: Row) =>
    edit({ variables: rows.map((each, at) => at === index ? row : each) });
  const violationAt = (name: string) => {
    const violation = violationOf(error, `variables.${name.trim()}`);
    return violation === undefined ? undefined : `${JSON.stringify(name.trim())} ${violation}`;
  };
  const isShown = rows.some(([name]) => violationAt(name) !== undefined);
  return (
    <SettingsSectionForm
      section={VARIABLES}
      about="Plain text: anybody who can read the function can read them."
      form={form}
    >
      {rows.map(([name, value], index) => (
        <div key={index} className="function-pair">
          <TextField
            label={`Name ${index + 1}`}
            mono
            value={name}
            error={violationAt(name)}
            onChange={(next) => change(index, [next, value])}
          />
          <TextAreaField
            label={`Value ${index + 1}`}
            rows={1}
            value={value}
            onChange={(next) => change(index, [name, next])}
          />
          <span className="function-pair-actions">
            <CopyButton
              text={configText("variables", name.trim())}
              label={`Copy ${configText("variables", name.trim())}`}
            />
            <Button
              look="plain"
              className="button-icon"
              aria-label={`Remove variable ${index + 1}`}
              icon={<Icon name="trash" />}
              onClick={() => edit({ variables: rows.filter((_, at) => at !== index) })}
            />
          </span>
        </div>
      ))}
      <GroupError error={isShown ? undefined : violationOf(error, "variables")} />
      <div>
        <Button onClick={() => edit({ variables: [...rows, ["", ""]] })}>Add a variable</Button>
      </div>
    </SettingsSectionForm>
  );
}
