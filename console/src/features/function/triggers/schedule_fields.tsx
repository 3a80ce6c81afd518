import { useId } from "react";
import { SCHEDULE } from "../../../../../src/resources/triggers.ts";
import { violationOf } from "../../../parts/violations.ts";
import { SelectField, TextAreaField, TextField } from "../../../parts/field.tsx";
import { optionsOf } from "../typed_values.ts";
import type { ScheduleDraft } from "./drafts.ts";
import { cronInWords, useCronWords } from "./words.ts";

const { cronSpec, at, timezone, start, input, catchUp, overlap } = SCHEDULE;
const ZONES = ["UTC", ...Intl.supportedValuesOf("timeZone")];

export interface FieldsProps<D> {
  readonly draft: D;
  readonly error: unknown;
  readonly onChange: (change: Partial<D>) => void;
}

/** The settings of a schedule. */
export function ScheduleFields({ draft, error, onChange }: FieldsProps<ScheduleDraft>) {
  return (
    <>
      <Times draft={draft} error={error} onChange={onChange} />
      <TextAreaField
        label={input.label}
        hint={input.hint}
        rows={4}
        value={draft.input}
        error={violationOf(error, "schedule.input")}
        onChange={(input) => onChange({ input })}
      />
      <div className="function-fields">
        <SelectField
          label={catchUp.label}
          value={draft.catchUp}
          options={optionsOf(catchUp)}
          error={violationOf(error, "schedule.catchUp")}
          onChange={(catchUp) => onChange({ catchUp })}
        />
        <SelectField
          label={overlap.label}
          value={draft.overlap}
          options={optionsOf(overlap)}
          error={violationOf(error, "schedule.overlap")}
          onChange={(overlap) => onChange({ overlap })}
        />
      </div>
    </>
  );
}

function Times({ draft, error, onChange }: FieldsProps<ScheduleDraft>) {
  useCronWords();
  const zonesId = useId();
  return (
    <div className="function-fields">
      <SelectField
        label="Runs"
        value={draft.repeats ? "cron" : "at"}
        options={[{ value: "cron", label: "Repeatedly" }, { value: "at", label: "Once" }]}
        onChange={(kind) => onChange({ repeats: kind === "cron" })}
      />
      {draft.repeats
        ? (
          <TextField
            label={cronSpec.label}
            hint={cronInWords(draft.cronSpec) ??
              "Minute, hour, day, month, day of the week; or @daily"}
            mono
            placeholder={cronSpec.sample}
            value={draft.cronSpec}
            error={violationOf(error, "schedule.cronSpec")}
            onChange={(cronSpec) => onChange({ cronSpec })}
          />
        )
        : (
          <TextField
            label={at.label}
            hint="In your local time"
            type="datetime-local"
            value={draft.at}
            error={violationOf(error, "schedule.at") ?? violationOf(error, "schedule.cronSpec")}
            onChange={(at) => onChange({ at })}
          />
        )}
      <TextField
        label={timezone.label}
        list={zonesId}
        value={draft.timezone}
        error={violationOf(error, "schedule.timezone")}
        onChange={(timezone) => onChange({ timezone })}
      />
      {draft.repeats
        ? (
          <TextField
            label={start.label}
            hint="In your local time. If empty: from now on"
            type="datetime-local"
            value={draft.start}
            error={violationOf(error, "schedule.start")}
            onChange={(start) => onChange({ start })}
          />
        )
        : null}
      <datalist id={zonesId}>
        {ZONES.map((zone) => <option key={zone} value={zone} />)}
      </datalist>
    </div>
  );
}
