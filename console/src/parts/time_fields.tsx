import { useState } from "react";
import { Field, SelectField } from "./field.tsx";
import { isPreset, localTimeOf, timeOfLocal, type TimeRange } from "./time_range.ts";
import { useTyped } from "./typed_field.tsx";
import { violationOf } from "./violations.ts";

const EXACT = "exact";
/** Keeps the field from a year of more digits than a time in JSON has. */
const LAST_TIME = "9999-12-31T23:59:59";

/** Chooses a range of time: a preset, or its begin and its end. */
export function TimeFields({ range, set, error }: {
  readonly range: TimeRange;
  readonly set: (change: { since?: string | undefined; until?: string | undefined }) => void;
  readonly error: unknown;
}) {
  const { since, until } = range;
  const hasExact = until !== undefined || (since !== undefined && !isPreset(since));
  const [wantsExact, setWantsExact] = useState(false);
  const isExact = hasExact || wantsExact;
  const choose = (value: string) => {
    setWantsExact(value === EXACT);
    if (value !== EXACT) set({ since: value, until: undefined });
  };
  const setExact = (change: { since?: string | undefined; until?: string | undefined }) => {
    // A field that is empty while it is typed into stays.
    setWantsExact(true);
    set(change);
  };
  return (
    <>
      <SelectField
        label="Time"
        value={isExact ? EXACT : since ?? ""}
        onChange={choose}
        options={[
          { value: "", label: "Any" },
          { value: "15m", label: "Last 15 minutes" },
          { value: "1h", label: "Last hour" },
          { value: "24h", label: "Last 24 hours" },
          { value: "7d", label: "Last 7 days" },
          { value: EXACT, label: "Custom range" },
        ]}
      />
      {isExact && (
        <>
          <ExactTime
            label="From"
            value={since}
            error={violationOf(error, "since")}
            onChange={(since) => setExact({ since })}
          />
          <ExactTime
            label="To"
            value={until}
            error={violationOf(error, "until")}
            onChange={(until) => setExact({ until })}
          />
        </>
      )}
    </>
  );
}

function ExactTime({ label, value, error, onChange }: {
  readonly label: string;
  readonly value: string | undefined;
  readonly error: string | undefined;
  readonly onChange: (time: string | undefined) => void;
}) {
  const [local, setLocal] = useTyped(
    localTimeOf(value),
    (typed) => onChange(timeOfLocal(typed)),
  );
  return (
    <Field label={label} error={error}>
      {(control) => (
        <input
          {...control}
          className="input"
          type="datetime-local"
          step="1"
          max={LAST_TIME}
          value={local}
          onChange={({ target }) => setLocal(target.value)}
        />
      )}
    </Field>
  );
}
