import { useId } from "react";
import { faultOf } from "../../../parts/faults.ts";
import { SelectField, TextAreaField, TextField } from "../../../parts/field.tsx";
import type { ScheduleDraft } from "./drafts.ts";
import { cronInWords, useCronWords } from "./words.ts";

const CATCH_UPS = [
  { value: "CATCH_UP_NONE", label: "Skip all" },
  { value: "CATCH_UP_LAST", label: "Run the last one" },
  { value: "CATCH_UP_ALL", label: "Run all" },
];
const OVERLAPS = [
  { value: "OVERLAP_ALLOW", label: "Run both" },
  { value: "OVERLAP_SKIP", label: "Skip the later run" },
  { value: "OVERLAP_QUEUE", label: "Wait for the earlier run" },
];
const ZONES = ["UTC", ...Intl.supportedValuesOf("timeZone")];

/** Fields whose faults {@link ScheduleFields} shows. */
export const SCHEDULE_FAULTS = [
  "schedule.cronSpec",
  "schedule.at",
  "schedule.start",
  "schedule.timezone",
  "schedule.input",
  "schedule.catchUp",
  "schedule.overlap",
];

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
        label="Input"
        hint="A JSON object that each call receives"
        rows={4}
        value={draft.input}
        error={faultOf(error, "schedule.input")}
        onChange={(input) => onChange({ input })}
      />
      <div className="function-fields">
        <SelectField
          label="Missed while the server was down"
          value={draft.catchUp}
          options={CATCH_UPS}
          error={faultOf(error, "schedule.catchUp")}
          onChange={(catchUp) => onChange({ catchUp })}
        />
        <SelectField
          label="Due while an earlier run is active"
          value={draft.overlap}
          options={OVERLAPS}
          error={faultOf(error, "schedule.overlap")}
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
            label="Cron expression"
            hint={cronInWords(draft.cronSpec) ??
              "Minute, hour, day, month, day of the week; or @daily"}
            mono
            placeholder="0 9 * * 1-5"
            value={draft.cronSpec}
            error={faultOf(error, "schedule.cronSpec")}
            onChange={(cronSpec) => onChange({ cronSpec })}
          />
        )
        : (
          <TextField
            label="Time"
            hint="In your local time"
            type="datetime-local"
            value={draft.at}
            error={faultOf(error, "schedule.at") ?? faultOf(error, "schedule.cronSpec")}
            onChange={(at) => onChange({ at })}
          />
        )}
      <TextField
        label="Time zone"
        list={zonesId}
        value={draft.timezone}
        error={faultOf(error, "schedule.timezone")}
        onChange={(timezone) => onChange({ timezone })}
      />
      {draft.repeats
        ? (
          <TextField
            label="Not before"
            hint="In your local time. If empty: from now on"
            type="datetime-local"
            value={draft.start}
            error={faultOf(error, "schedule.start")}
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
