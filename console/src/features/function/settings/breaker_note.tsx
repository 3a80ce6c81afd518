import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { call, type Fn } from "../../../api/client.ts";
import { keys } from "../../../api/queries.ts";
import { Button } from "../../../parts/button.tsx";
import { ConfirmDialog } from "../../../parts/dialog.tsx";
import { TextField } from "../../../parts/field.tsx";
import { countOf } from "../../../parts/format.ts";
import { Note } from "../../../parts/states.tsx";
import { toast } from "../../../parts/toasts.tsx";
import { Time } from "../../../parts/values.tsx";

type Decision = "RUN" | "CANCEL";

/** Says that the circuit breaker has paused the function, and asks what becomes of what waits. */
export function BreakerNote({ fn }: { readonly fn: Fn }) {
  const queries = useQueryClient();
  const [decision, setDecision] = useState<Decision>();
  const [reason, setReason] = useState("");
  if (fn.circuitBreakerPausedAt === undefined) return null;
  const clear = async () => {
    const { count } = await call("POST /api/v1/functions/{function_id}/circuit_breaker/clear", {
      path: { function_id: fn.id },
      body: { decision: `PAUSED_EXECUTION_DECISION_${decision ?? "RUN"}`, reason },
    });
    await queries.invalidateQueries({ queryKey: keys.function(fn.id) });
    toast(
      `${decision === "RUN" ? "Started" : "Cancelled"} ${countOf(count, "waiting invocation")}`,
    );
  };
  return (
    <>
      <Note tone="warn">
        <span>
          The circuit breaker has paused invocations since{" "}
          <Time value={fn.circuitBreakerPausedAt} />.
        </span>
        <span className="row">
          <Button onClick={() => setDecision("RUN")}>Run waiting invocations</Button>
          <Button look="danger" onClick={() => setDecision("CANCEL")}>
            Cancel waiting invocations
          </Button>
        </span>
      </Note>
      <ConfirmDialog
        open={decision !== undefined}
        onClose={() => {
          setDecision(undefined);
          setReason("");
        }}
        title={decision === "CANCEL" ? "Cancel waiting invocations?" : "Run waiting invocations?"}
        action={decision === "CANCEL" ? "Cancel the invocations" : "Run the invocations"}
        danger={decision === "CANCEL"}
        unsaved={reason !== ""}
        dismiss="Decide later"
        onConfirm={clear}
      >
        <div className="stack">
          <p>The circuit breaker starts counting from zero.</p>
          <TextField label="Reason" value={reason} onChange={setReason} />
        </div>
      </ConfirmDialog>
    </>
  );
}
