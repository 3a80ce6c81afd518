import { useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { api, ApiError, dataOf } from "../../../api/client.ts";
import { keys } from "../../../api/keys.ts";
import type { Trigger } from "../../../api/types.ts";
import { Button } from "../../../parts/button.tsx";
import { Dialog } from "../../../parts/dialog.tsx";
import { faultOf, remainingError } from "../../../parts/faults.ts";
import { TextField } from "../../../parts/field.tsx";
import { ErrorNote } from "../../../parts/states.tsx";
import { useUnsaved } from "../../../parts/unsaved.ts";
import { VolumeField } from "../volume_field.tsx";
import { draftOf, requestOf, type TriggerDraft } from "./drafts.ts";
import { HTTP_FAULTS, HttpFields } from "./http_fields.tsx";
import { SCHEDULE_FAULTS, ScheduleFields } from "./schedule_fields.tsx";
import { secretIn, type ShownSecret } from "./secret_note.tsx";
import { WEBHOOK_FAULTS, WebhookFields } from "./webhook_fields.tsx";
import { type Kind, KIND_WORDS } from "./words.ts";

const FAULTS: Readonly<Record<Kind, readonly string[]>> = {
  schedule: SCHEDULE_FAULTS,
  webhook: WEBHOOK_FAULTS,
  http: HTTP_FAULTS,
};

export interface TriggerFormProps {
  readonly functionId: string;
  readonly kind: Kind;
  /** The one that is edited; undefined makes a new one. */
  readonly trigger?: Trigger;
  readonly onClose: () => void;
  readonly onSaved: (trigger: Trigger, secret: ShownSecret | undefined) => void;
}

/** Makes or edits a trigger, in a dialog that keeps what is typed until it is saved or closed. */
export function TriggerForm(props: TriggerFormProps) {
  const { functionId, kind, trigger, onClose, onSaved } = props;
  const queries = useQueryClient();
  const [initial] = useState(() => draftOf(trigger));
  const [draft, setDraft] = useState(initial);
  const [state, setState] = useState<{ busy: boolean; error?: unknown }>({ busy: false });
  const noun = KIND_WORDS[kind].toLowerCase();
  const leave = useUnsaved(draft !== initial, `the ${noun}`);
  const close = () => {
    leave();
    onClose();
  };
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setState({ busy: true });
    try {
      const saved = await save(functionId, kind, draft, trigger);
      await queries.invalidateQueries({ queryKey: keys.triggers(functionId) });
      await queries.invalidateQueries({ queryKey: keys.function(functionId) });
      leave();
      onSaved(saved.trigger, secretIn(saved, draft[kind].secret));
    } catch (error) {
      setState({ busy: false, error });
    }
  };
  const rest = remainingError(state.error, ["displayName", "vfsId", ...FAULTS[kind]]);
  return (
    <Dialog
      open
      onClose={close}
      size="large"
      sticky
      title={trigger === undefined ? `New ${noun}` : `Edit the ${noun}`}
    >
      <form className="stack" noValidate onSubmit={(event) => void submit(event)}>
        <Fields
          kind={kind}
          draft={draft}
          error={state.error}
          onChange={(change) => setDraft((before) => ({ ...before, ...change }))}
        />
        {rest === undefined ? null : <ErrorNote error={rest} />}
        <div className="actions">
          <Button onClick={close}>Cancel</Button>
          <Button type="submit" look="primary" busy={state.busy}>
            {trigger === undefined ? `Create the ${noun}` : "Save"}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

function Fields(
  { kind, draft, error, onChange }: {
    readonly kind: Kind;
    readonly draft: TriggerDraft;
    readonly error: unknown;
    readonly onChange: (change: Partial<TriggerDraft>) => void;
  },
) {
  const { schedule, webhook, http } = draft;
  return (
    <>
      <div className="function-fields">
        <TextField
          label="Name"
          autoFocus
          value={draft.displayName}
          error={faultOf(error, "displayName")}
          onChange={(displayName) => onChange({ displayName })}
        />
        <VolumeField
          label="Volume"
          none="That of the function"
          value={draft.vfsId}
          error={faultOf(error, "vfsId")}
          onChange={(vfsId) => onChange({ vfsId })}
        />
      </div>
      {kind === "schedule"
        ? (
          <ScheduleFields
            draft={schedule}
            error={error}
            onChange={(change) => onChange({ schedule: { ...schedule, ...change } })}
          />
        )
        : kind === "webhook"
        ? (
          <WebhookFields
            draft={webhook}
            error={error}
            onChange={(change) => onChange({ webhook: { ...webhook, ...change } })}
          />
        )
        : (
          <HttpFields
            draft={http}
            error={error}
            onChange={(change) => onChange({ http: { ...http, ...change } })}
          />
        )}
    </>
  );
}

async function save(functionId: string, kind: Kind, draft: TriggerDraft, before?: Trigger) {
  const trigger = checkedRequest(kind, draft) as never;
  if (before === undefined) {
    return await dataOf(api.POST("/api/v1/functions/{function_id}/triggers", {
      params: { path: { function_id: functionId } },
      body: { trigger },
    }));
  }
  return await dataOf(api.PATCH("/api/v1/functions/{function_id}/triggers/{id}", {
    params: { path: { function_id: functionId, id: before.id } },
    body: { trigger, updateMask: `displayName,vfsId,${kind}` },
  }));
}

/** The request of a draft, in which the text of the input is JSON. Throws `ApiError`. */
function checkedRequest(kind: Kind, draft: TriggerDraft) {
  try {
    return requestOf(kind, draft);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    const description = `is not JSON: ${error.message}`;
    throw new ApiError(0, "", "The input is not JSON", [{ field: "schedule.input", description }]);
  }
}
