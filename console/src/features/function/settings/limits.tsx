import type { Fn } from "../../../api/types.ts";
import { faultOf } from "../../../parts/faults.ts";
import { TextField } from "../../../parts/field.tsx";
import { DURATION_HINT, durationIn, durationText, numberIn, numberText } from "../typed_values.ts";
import { type SectionForm, type SettingsSection, SettingsSectionForm } from "./section.tsx";

const FIELDS = [
  { name: "timeout", label: "Timeout", hint: "Wall-clock time of one call" },
  { name: "cpuTimeout", label: "CPU time", hint: "CPU time of one call" },
  { name: "memoryMib", label: "Memory in MiB", hint: "Memory of one call" },
  { name: "maxConcurrency", label: "Concurrency", hint: "Calls that run at the same time" },
  {
    name: "retention",
    label: "Retention",
    hint: "How long invocations are kept after their end",
  },
] as const;

export type LimitsDraft = Readonly<Record<(typeof FIELDS)[number]["name"], string>>;

function textsOf(limits: Partial<Pick<Fn, keyof LimitsDraft>>): LimitsDraft {
  return {
    timeout: durationText(limits.timeout),
    cpuTimeout: durationText(limits.cpuTimeout),
    memoryMib: numberText(limits.memoryMib),
    maxConcurrency: numberText(limits.maxConcurrency),
    retention: durationText(limits.retention),
  };
}

export const LIMITS: SettingsSection<LimitsDraft> = {
  id: "limits",
  title: "Limits",
  fields: Object.fromEntries(FIELDS.map(({ name, label }) => [name, label])),
  read: textsOf,
  write: (draft) => ({
    timeout: durationIn(draft.timeout),
    cpuTimeout: durationIn(draft.cpuTimeout),
    memoryMib: numberIn(draft.memoryMib),
    maxConcurrency: numberIn(draft.maxConcurrency),
    retention: durationIn(draft.retention),
  }),
};

/** The limits of calls. */
export function Limits({ form }: { readonly form: SectionForm<LimitsDraft> }) {
  const inForce = textsOf(form.fn.effectiveLimits ?? {});
  return (
    <SettingsSectionForm
      section={LIMITS}
      about={`An empty field shows the server's default, which then applies. ${DURATION_HINT}.`}
      form={form}
    >
      <div className="function-fields">
        {FIELDS.map(({ name, label, hint }) => (
          <TextField
            key={name}
            label={label}
            hint={hint}
            placeholder={inForce[name] === "" ? "Forever" : inForce[name]}
            value={form.draft[name]}
            error={faultOf(form.error, name)}
            onChange={(text) => form.edit({ [name]: text })}
          />
        ))}
      </div>
    </SettingsSectionForm>
  );
}
