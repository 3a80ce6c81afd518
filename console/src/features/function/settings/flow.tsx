import type { Fn } from "../../../api/types.ts";
import { faultOf } from "../../../parts/faults.ts";
import { SelectField, TextField } from "../../../parts/field.tsx";
import { BreakerNote } from "./breaker_note.tsx";
import { DURATION_HINT, durationIn, durationText, numberIn, numberText } from "../typed_values.ts";
import { SectionForm } from "./section_form.tsx";
import { type SectionState, useSection } from "./use_section.ts";

const PERIODS = ["HOUR", "DAY", "WEEK", "MONTH"].map((word) => ({
  value: `CIRCUIT_BREAKER_PERIOD_${word}`,
  label: `Per ${word.toLowerCase()}`,
}));
const FAULTS = [
  "concurrencyKey",
  "maxConcurrencyPerKey",
  "debounce.key",
  "debounce.delay",
  "debounce.maxDelay",
  "rateLimit.calls",
  "rateLimit.period",
  "circuitBreakerMax",
  "circuitBreakerPeriod",
];

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

type Draft = ReturnType<typeof draftOf>;

const WORDS: Readonly<Record<keyof Draft, string>> = {
  concurrencyKey: "Concurrency key",
  maxConcurrencyPerKey: "Concurrency per key",
  debounce: "the debounce",
  rateLimit: "Rate limit",
  circuitBreakerMax: "Circuit breaker",
  circuitBreakerPeriod: "Period of the circuit breaker",
};

/** How often and how many at a time calls start. */
export function Flow({ fn }: { readonly fn: Fn }) {
  const section = useSection(fn, draftOf, (draft) => ({
    ...draft,
    maxConcurrencyPerKey: numberIn(draft.maxConcurrencyPerKey),
    debounce: {
      key: draft.debounce.key,
      delay: durationIn(draft.debounce.delay),
      maxDelay: durationIn(draft.debounce.maxDelay),
    },
    rateLimit: {
      calls: numberIn(draft.rateLimit.calls),
      period: durationIn(draft.rateLimit.period),
    },
    circuitBreakerMax: numberIn(draft.circuitBreakerMax),
  }));
  return (
    <SectionForm
      title="Rates and queues"
      about={`Leave a field empty for no limit. Keys are JSON Pointers into the input, such as /user/id. ${DURATION_HINT}.`}
      section={section}
      words={WORDS}
      faults={FAULTS}
    >
      <BreakerNote fn={fn} />
      <Limits section={section} />
      <Debounce section={section} />
      <Breaker section={section} />
    </SectionForm>
  );
}

function Limits({ section: { draft, edit, error } }: { readonly section: SectionState<Draft> }) {
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

function Debounce({ section: { draft, edit, error } }: { readonly section: SectionState<Draft> }) {
  const { debounce } = draft;
  const change = (part: Partial<Draft["debounce"]>) => edit({ debounce: { ...debounce, ...part } });
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

function Breaker({ section: { draft, edit, error } }: { readonly section: SectionState<Draft> }) {
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
