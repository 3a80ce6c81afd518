import { useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { call } from "../../../api/client.ts";
import type { Fn } from "../../../api/types.ts";
import { Button } from "../../../parts/button.tsx";
import { ConfirmDialog, typeableName } from "../../../parts/dialog.tsx";
import { Section } from "../../../parts/page.tsx";
import { useCommands } from "../../../parts/shortcuts.tsx";
import { countOf } from "../../../parts/format.ts";
import { toast } from "../../../parts/toasts.tsx";
import { visibleText } from "../../../parts/values.tsx";
import { useStillHere } from "../../../shell/still_here.ts";
import { FUNCTION_GROUP } from "../commands.ts";
import { Purge } from "./purge.tsx";

export const DANGER_ID = "danger";

/** What cannot be undone. */
export function Danger({ fn }: { readonly fn: Fn }) {
  return (
    <Section title="Danger zone" id={DANGER_ID}>
      <div className="stack function-settings">
        <Purge fn={fn} />
        {fn.deletedAt === undefined ? <Delete fn={fn} /> : null}
      </div>
    </Section>
  );
}

function Delete({ fn }: { readonly fn: Fn }) {
  const triggers = fn.hookRefs?.length ?? 0;
  const [isOpen, setOpen] = useState(false);
  useCommands(useMemo(
    () => [{ label: "Delete function …", group: FUNCTION_GROUP, run: () => setOpen(true) }],
    [],
  ));
  const queries = useQueryClient();
  const navigate = useNavigate();
  const whileHere = useStillHere();
  const erase = async () => {
    const isHere = whileHere();
    await call("DELETE /api/v1/functions/{id}", { path: { id: fn.id }, body: {} });
    toast(`Deleted ${visibleText(fn.displayName)}`);
    if (isHere()) await navigate({ to: "/functions" });
    await queries.invalidateQueries({ queryKey: ["function"] });
  };
  return (
    <div className="stack">
      <h3>Delete the function</h3>
      <p className="muted">
        It can no longer be called. Its commits and invocations stay readable.
      </p>
      {triggers === 0 ? null : (
        <p>
          A function with triggers cannot be deleted. Delete its{" "}
          <Link to="/functions/$functionId/triggers" params={{ functionId: fn.id }}>
            {countOf(triggers, "trigger")}
          </Link>{" "}
          first.
        </p>
      )}
      <div>
        <Button look="danger" onClick={() => setOpen(true)}>Delete the function</Button>
      </div>
      <ConfirmDialog
        open={isOpen}
        onClose={() => setOpen(false)}
        title="Delete the function"
        action="Delete"
        danger
        typed={typeableName(fn.displayName, fn.id)}
        onConfirm={erase}
      >
        Invocations of the function will fail.
      </ConfirmDialog>
    </div>
  );
}
