import type { Fn } from "../../../api/types.ts";
import { faultOf } from "../../../parts/faults.ts";
import { TextField } from "../../../parts/field.tsx";
import { DURATION_HINT, durationIn, durationText, numberIn, numberText } from "../typed_values.ts";
import { SectionForm } from "./section_form.tsx";
import { useSection } from "./use_section.ts";

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

const WORDS = Object.fromEntries(FIELDS.map(({ name, label }) => [name, label])) as Record<
  keyof Draft,
  string
>;

type Draft = Readonly<Record<(typeof FIELDS)[number]["name"], string>>;

function textsOf(limits: Partial<Pick<Fn, keyof Draft>>): Draft {
  return {
    timeout: durationText(limits.timeout),
    cpuTimeout: durationText(limits.cpuTimeout),
    memoryMib: numberText(limits.memoryMib),
    maxConcurrency: numberText(limits.maxConcurrency),
    retention: durationText(limits.retention),
  };
}

/** The limits of calls. */
export function Limits({ fn }: { readonly fn: Fn }) {
  const section = useSection(fn, textsOf, (draft) => ({
    timeout: durationIn(draft.timeout),
    cpuTimeout: durationIn(draft.cpuTimeout),
    memoryMib: numberIn(draft.memoryMib),
    maxConcurrency: numberIn(draft.maxConcurrency),
    retention: durationIn(draft.retention),
  }));
  const inForce = textsOf(fn.effectiveLimits ?? {});
  return (
    <SectionForm
      title="Limits"
      about={`An empty field shows the server's default, which then applies. ${DURATION_HINT}.`}
      section={section}
      words={WORDS}
      faults={FIELDS.map(({ name }) => name)}
    >
      <div className="function-fields">
        {FIELDS.map(({ name, label, hint }) => (
          <TextField
            key={name}
            label={label}
            hint={hint}
            placeholder={inForce[name] === "" ? "Forever" : inForce[name]}
            value={section.draft[name]}
            error={faultOf(section.error, name)}
            onChange={(text) => section.edit({ [name]: text })}
          />
        ))}
      </div>
    </SectionForm>
  );
}
