import { faultOf } from "../../../parts/faults.ts";
import { CheckboxField, GroupError, TextField } from "../../../parts/field.tsx";
import { DURATION_HINT, durationIn, durationText, numberIn, numberText } from "../typed_values.ts";
import { type SectionForm, type SettingsSection, SettingsSectionForm } from "./section.tsx";

const WORDS = [
  "UNCAUGHT",
  "INTERRUPTED",
  "TIMEOUT",
  "CPU_LIMIT",
  "OUT_OF_MEMORY",
  "BAD_OUTPUT",
  "OUTPUT_TOO_LARGE",
  "EXITED",
  "VFS_CONFLICT",
  "VFS_QUOTA",
  "VFS_UNFINISHED",
];
interface PolicyDraft {
  readonly maxAttempts: string;
  readonly initialBackoff: string;
  readonly maxBackoff: string;
  readonly retryOn: readonly string[];
}

export interface RetriesDraft {
  readonly retryPolicy: PolicyDraft;
}

export const RETRIES: SettingsSection<RetriesDraft> = {
  id: "retries",
  title: "Retries",
  fields: {
    "retryPolicy.maxAttempts": "Attempts",
    "retryPolicy.initialBackoff": "First backoff",
    "retryPolicy.maxBackoff": "Longest backoff",
    "retryPolicy.retryOn": "Errors",
  },
  read: ({ retryPolicy = {} }) => ({
    retryPolicy: {
      maxAttempts: numberText(retryPolicy.maxAttempts),
      initialBackoff: durationText(retryPolicy.initialBackoff),
      maxBackoff: durationText(retryPolicy.maxBackoff),
      retryOn: retryPolicy.retryOn ?? [],
    },
  }),
  write: ({ retryPolicy }) => ({
    retryPolicy: {
      maxAttempts: numberIn(retryPolicy.maxAttempts),
      initialBackoff: durationIn(retryPolicy.initialBackoff),
      maxBackoff: durationIn(retryPolicy.maxBackoff),
      retryOn: retryPolicy.retryOn,
    },
  }),
};

/** When an asynchronous call that failed starts again. */
export function Retries({ form }: { readonly form: SectionForm<RetriesDraft> }) {
  const { draft: { retryPolicy }, error } = form;
  const edit = (change: Partial<PolicyDraft>) =>
    form.edit({ retryPolicy: { ...retryPolicy, ...change } });
  return (
    <SettingsSectionForm
      section={RETRIES}
      about={`Asynchronous calls start again after these errors. ${DURATION_HINT}.`}
      form={form}
    >
      <div className="function-fields">
        <TextField
          label="Attempts"
          hint="Including the first one"
          placeholder="3"
          value={retryPolicy.maxAttempts}
          error={faultOf(error, "retryPolicy.maxAttempts")}
          onChange={(maxAttempts) => edit({ maxAttempts })}
        />
        <TextField
          label="First backoff"
          hint="It doubles with each attempt"
          placeholder="1s"
          value={retryPolicy.initialBackoff}
          error={faultOf(error, "retryPolicy.initialBackoff")}
          onChange={(initialBackoff) => edit({ initialBackoff })}
        />
        <TextField
          label="Longest backoff"
          placeholder="1m"
          value={retryPolicy.maxBackoff}
          error={faultOf(error, "retryPolicy.maxBackoff")}
          onChange={(maxBackoff) => edit({ maxBackoff })}
        />
      </div>
      <fieldset className="function-group">
        <legend className="field-label">Errors</legend>
        <p className="field-hint">If none is selected: INTERRUPTED and UNCAUGHT</p>
        <div className="function-choices">
          {WORDS.map((word) => (
            <CheckboxField
              key={word}
              label={word}
              value={retryPolicy.retryOn.includes(word)}
              onChange={(isOn) => edit({ retryOn: withOrWithout(retryPolicy.retryOn, word, isOn) })}
            />
          ))}
        </div>
        <GroupError error={faultOf(error, "retryPolicy.retryOn")} />
      </fieldset>
    </SettingsSectionForm>
  );
}

function withOrWithout(words: readonly string[], word: string, isOn: boolean): string[] {
  return isOn ? [...words, word] : words.filter((each) => each !== word);
}
