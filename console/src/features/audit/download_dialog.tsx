import { useEffect, useState } from "react";
import { Button } from "../../parts/button.tsx";
import { Dialog } from "../../parts/dialog.tsx";
import { countOf, formatCount } from "../../parts/format.ts";
import { saveFile } from "../../parts/save_file.ts";
import { ErrorNote } from "../../parts/states.tsx";
import type { AuditFilter } from "./filter.ts";
import { DOWNLOAD_EVENTS_MAX, downloadEvents } from "./queries.ts";

type State =
  | { readonly kind: "asking" }
  | { readonly kind: "reading" | "done" | "cut"; readonly count: number }
  | { readonly kind: "failed"; readonly error: unknown };

/** Saves the events that the filter finds into a file of JSON lines. Closing the dialog ends that. */
export function DownloadDialog(
  { filter, onClose }: { readonly filter: AuditFilter; readonly onClose: () => void },
) {
  const [state, setState] = useState<State>({ kind: "asking" });
  const [reading] = useState(() => new AbortController());
  useEffect(() => () => reading.abort(), [reading]);
  const run = async () => {
    setState({ kind: "reading", count: 0 });
    try {
      const { lines, count, isWhole } = await downloadEvents(
        filter,
        (count) => setState({ kind: "reading", count }),
        reading.signal,
      );
      saveFile(lines, `audit-${new Date().toISOString().replaceAll(":", "-").slice(0, 19)}.jsonl`);
      setState({ kind: isWhole ? "done" : "cut", count });
    } catch (error) {
      if (!reading.signal.aborted) setState({ kind: "failed", error });
    }
  };
  const isFiltered = Object.keys(filter).length > 0;
  return (
    <Dialog open onClose={onClose} title="Download events">
      <div className="stack">
        <p>
          {isFiltered ? "The events that match the filter" : "All events"}{" "}
          are saved as JSON lines in OCSF 1.3, newest first, at most{" "}
          {formatCount(DOWNLOAD_EVENTS_MAX)}.
        </p>
        <div role="status">
          {state.kind === "reading" && <p>Read {countOf(state.count, "event")} so far …</p>}
          {state.kind === "done" && <p>Saved {countOf(state.count, "event")}.</p>}
          {state.kind === "cut" && (
            <p>
              Saved the newest{" "}
              {countOf(state.count, "event")}. Older events match, too: choose an earlier time for
              them.
            </p>
          )}
        </div>
        {state.kind === "failed" && <ErrorNote error={state.error} />}
        <div className="actions">
          <Button onClick={onClose}>{state.kind === "reading" ? "Cancel" : "Close"}</Button>
          <Button look="primary" busy={state.kind === "reading"} onClick={() => void run()}>
            Download
          </Button>
        </div>
      </div>
    </Dialog>
  );
}
