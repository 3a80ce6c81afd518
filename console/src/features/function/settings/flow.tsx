import type { Fn } from "../../../api/types.ts";
import { faultOf } from "../../../parts/faults.ts";
import { SelectField, TextField } from "../../../parts/field.tsx";
import { BreakerNote } from "./breaker_note.tsx";
import { DURATION_HINT, durationIn, durationText, numberIn, numberText } from "../typed_values.ts";
import { type SectionForm, type SettingsSection, SettingsSectionForm } from "./section.tsx";

const PERIODS = ["HOUR", "DAY", "WEEK", "MONTH"].map((word) => ({
  value: `CIRCUIT_BREAKER_PERIOD_${word}`,
  label: `Per ${word.toLowerCase()}`,
}));
function draftOf(fn: Fn) {
  const { debounce, rateLimit } = fn;
  return {
    concurrencyKey: fn.concurrencyKey ?? "",
    maxConcurrencyPerKey: numberText(fn.maxConcurrencyPerKey),
    debounce: {
      key: debounce?.key ?? "",
      delay: durationText(debounce?.delay),
      maxDelay: durationText(debounce?.maxDelay),
    },
    rateLimit: { calls: numberText(rateLimit?.calls), period: durationText(rateLimit?.period) },
    circuitBreakerMax: numberText(fn.circuitBreakerMax),
    circuitBreakerPeriod: fn.circuitBreakerPeriod ?? "CIRCUIT_BREAKER_PERIOD_HOUR" as string,
  };
}

export type FlowDraft = ReturnType<typeof draftOf>;

export const FLOW: SettingsSection<FlowDraft> = {
  id: "flow",
  title: "Rates and queues",
  fields: {
    "rateLimit.calls": "Rate limit",
    "rateLimit.period": "Period of the rate limit",
    concurrencyKey: "Concurrency key",
    maxConcurrencyPerKey: "Concurrency per key",
    "debounce.delay": "Debounce delay",
    "debounce.maxDelay": "Longest debounce delay",
    "debounce.key": "Debounce key",
    circuitBreakerMax: "Circuit breaker",
    circuitBreakerPeriod: "Period of the circuit breaker",
  },
  read: draftOf,
  write: ({ debounce, rateLimit, ...draft }) => ({
    concurrencyKey: draft.concurrencyKey,
    maxConcurrencyPerKey: numberIn(draft.maxConcurrencyPerKey),
    debounce: {
      key: debounce.key,
      delay: durationIn(debounce.delay),
      maxDelay: durationIn(debounce.maxDelay),
    },
    rateLimit: { calls: numberIn(rateLimit.calls), period: durationIn(rateLimit.period) },
    circuitBreakerMax: numberIn(draft.circuitBreakerMax),
    circuitBreakerPeriod: draft.circuitBreakerPeriod,
  }),
};

/** How often and how many at a time calls start. */
export function Flow({ form }: { readonly form: SectionForm<FlowDraft> }) {
  return (
    <SettingsSectionForm
      section={FLOW}
      about={`Leave a field empty for no limit. Keys are JSON Pointers into the input, such as /user/id. ${DURATION_HINT}.`}
      form={form}
    >
      <BreakerNote fn={form.fn} />
      <Limits form={form} />
      <Debounce form={form} />
      <Breaker form={form} />
    </SettingsSectionForm>
  );
}

function Limits({ form: { draft, edit, error } }: { readonly form: SectionForm<FlowDraft> }) {
  const { rateLimit } = draft;
  return (
    <>
      <div className="function-fields">
        <TextField
          label="Rate limit"
          hint="Starts allowed in each period, retries included"
          value={rateLimit.calls}
          error={faultOf(error, "rateLimit.calls")}
          onChange={(calls) => edit({ rateLimit: { ...rateLimit, calls } })}
        />
        <TextField
          label="Period of the rate limit"
          value={rateLimit.period}
          error={faultOf(error, "rateLimit.period")}
          onChange={(period) => edit({ rateLimit: { ...rateLimit, period } })}
        />
      </div>
      <div className="function-fields">
        <TextField
          label="Concurrency key"
          hint="Limits the calls that have the same value there"
          mono
          value={draft.concurrencyKey}
          error={faultOf(error, "concurrencyKey")}
          onChange={(concurrencyKey) => edit({ concurrencyKey })}
        />
        <TextField
          label="Concurrency per key"
          hint="Calls at a time. If empty and a key is set: 1"
          value={draft.maxConcurrencyPerKey}
          error={faultOf(error, "maxConcurrencyPerKey")}
          onChange={(maxConcurrencyPerKey) => edit({ maxConcurrencyPerKey })}
        />
      </div>
    </>
  );
}

function Debounce({ form: { draft, edit, error } }: { readonly form: SectionForm<FlowDraft> }) {
  const { debounce } = draft;
  const change = (part: Partial<FlowDraft["debounce"]>) =>
    edit({ debounce: { ...debounce, ...part } });
  return (
    <div className="function-fields">
      <TextField
        label="Debounce delay"
        hint="Only the last call of a burst starts"
        value={debounce.delay}
        error={faultOf(error, "debounce.delay")}
        onChange={(delay) => change({ delay })}
      />
      <TextField
        label="Longest debounce delay"
        hint="From the first call. If empty: ten times the delay"
        value={debounce.maxDelay}
        error={faultOf(error, "debounce.maxDelay")}
        onChange={(maxDelay) => change({ maxDelay })}
      />
      <TextField
        label="Debounce key"
        hint="If empty: all calls are one burst"
        mono
        value={debounce.key}
        error={faultOf(error, "debounce.key")}
        onChange={(key) => change({ key })}
      />
    </div>
  );
}

function Breaker({ form: { draft, edit, error } }: { readonly form: SectionForm<FlowDraft> }) {
  return (
    <div className="function-fields">
      <TextField
        label="Circuit breaker"
        hint="Number of runs after which calls pause until you decide"
        value={draft.circuitBreakerMax}
        error={faultOf(error, "circuitBreakerMax")}
        onChange={(circuitBreakerMax) => edit({ circuitBreakerMax })}
      />
      <SelectField
        label="Period of the circuit breaker"
        value={draft.circuitBreakerPeriod}
        options={PERIODS}
        error={faultOf(error, "circuitBreakerPeriod")}
        onChange={(circuitBreakerPeriod) => edit({ circuitBreakerPeriod })}
      />
    </div>
  );
}
