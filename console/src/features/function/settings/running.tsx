import { faultOf } from "../../../parts/faults.ts";
import { CheckboxField, GroupError, SelectField, TextField } from "../../../parts/field.tsx";
import { VolumeField } from "../volume_field.tsx";
import { numberIn, numberText } from "../typed_values.ts";
import { type SectionForm, type SettingsSection, SettingsSectionForm } from "./section.tsx";

const REUSES = [
  { value: "PROCESS_REUSE_NONE", label: "A new process for each call" },
  { value: "PROCESS_REUSE_SEQUENTIAL", label: "One process for one call after another" },
];
const ROLES = [
  { id: "reader", label: "Reader: reads everything" },
  { id: "invoker", label: "Invoker: also calls functions" },
  { id: "administrator", label: "Administrator: also changes everything" },
];

export interface RunningDraft {
  readonly vfsId: string;
  readonly processReuse: string;
  readonly provisionedConcurrency: string;
  readonly scopedRoleIds: readonly string[];
}

export const RUNNING: SettingsSection<RunningDraft> = {
  id: "running",
  title: "Running",
  fields: {
    vfsId: "Volume",
    processReuse: "Process reuse",
    provisionedConcurrency: "Provisioned concurrency",
    scopedRoleIds: "Roles",
  },
  read: (fn) => ({
    vfsId: fn.vfsId ?? "",
    processReuse: fn.processReuse ?? "PROCESS_REUSE_NONE",
    provisionedConcurrency: numberText(fn.provisionedConcurrency),
    scopedRoleIds: fn.scopedRoleIds ?? [],
  }),
  write: ({ vfsId, processReuse, provisionedConcurrency, scopedRoleIds }) => ({
    vfsId,
    processReuse,
    provisionedConcurrency: numberIn(provisionedConcurrency),
    scopedRoleIds,
  }),
};

/** What calls run with. */
export function Running({ form }: { readonly form: SectionForm<RunningDraft> }) {
  const { draft, edit, error } = form;
  return (
    <SettingsSectionForm section={RUNNING} form={form}>
      <div className="function-fields">
        <VolumeField
          label="Volume"
          none="None"
          hint="For calls that do not name a volume"
          value={draft.vfsId}
          error={faultOf(error, "vfsId")}
          onChange={(vfsId) => edit({ vfsId })}
        />
        <SelectField
          label="Process reuse"
          hint="A later call in the same process may see state that an earlier one left"
          value={draft.processReuse}
          error={faultOf(error, "processReuse")}
          options={REUSES}
          onChange={(processReuse) => edit({ processReuse })}
        />
        <TextField
          label="Provisioned concurrency"
          hint="Instances kept ready with the published code loaded"
          placeholder="0"
          value={draft.provisionedConcurrency}
          error={faultOf(error, "provisionedConcurrency")}
          onChange={(provisionedConcurrency) => edit({ provisionedConcurrency })}
        />
      </div>
      <Roles
        ids={draft.scopedRoleIds}
        error={faultOf(error, "scopedRoleIds")}
        onChange={(scopedRoleIds) => edit({ scopedRoleIds })}
      />
    </SettingsSectionForm>
  );
}

function Roles(
  { ids, error, onChange }: {
    readonly ids: readonly string[];
    readonly error: string | undefined;
    readonly onChange: (ids: string[]) => void;
  },
) {
  return (
    <fieldset className="function-group">
      <legend className="field-label">Roles</legend>
      <p className="field-hint">What the function may do when it calls the API</p>
      {ROLES.map(({ id, label }) => (
        <CheckboxField
          key={id}
          label={label}
          value={ids.includes(id)}
          onChange={(isOn) => onChange(isOn ? [...ids, id] : ids.filter((each) => each !== id))}
        />
      ))}
      <GroupError error={error} />
    </fieldset>
  );
}
