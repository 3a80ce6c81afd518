import type { Trigger } from "../../../api/types.ts";
import { Section } from "../../../parts/page.tsx";
import { Empty } from "../../../parts/states.tsx";
import { Time } from "../../../parts/values.tsx";
import { LOCAL_ZONE, timeIn } from "./words.ts";

const SHOWN = 5;

/** The next times of a schedule, in the zone of the reader and in its own. */
export function NextRuns({ trigger }: { readonly trigger: Trigger }) {
  const zone = trigger.schedule?.timezone ?? "UTC";
  const isElsewhere = zone !== LOCAL_ZONE;
  return (
    <Section title="Next runs">
      {trigger.nextRuns.length === 0
        ? (
          <Empty
            title={trigger.paused ? "No runs while the schedule is paused" : "No further runs"}
          >
            {trigger.paused
              ? "Resume the schedule to continue."
              : "Edit the schedule to set a new time."}
          </Empty>
        )
        : (
          <ol className="function-next-runs" aria-label="Next runs">
            {trigger.nextRuns.slice(0, SHOWN).map((run) => (
              <li key={run}>
                <span>
                  {timeIn(LOCAL_ZONE, new Date(run))}{" "}
                  <span className="muted">{isElsewhere ? `your time (${LOCAL_ZONE})` : zone}</span>
                </span>
                {isElsewhere
                  ? (
                    <span className="muted">
                      {timeIn(zone, new Date(run))} in {zone}
                    </span>
                  )
                  : null}
                <Time value={run} />
              </li>
            ))}
          </ol>
        )}
    </Section>
  );
}
