/** What the palette offers for the trigger that is open. */
import { useMemo, useRef } from "react";
import type { Trigger } from "../../../api/types.ts";
import { type Command, useCommands } from "../../../parts/shortcuts.tsx";
import { copy } from "../../../shell/commands.ts";
import { addressOf, hasSecret, kindOf, methodOf } from "./words.ts";

interface Actions {
  readonly runNow: () => void;
  readonly setPaused: (paused: boolean) => void;
  readonly edit: () => void;
  /** Opens the dialog that asks before it acts. */
  readonly ask: (what: "rotate" | "erase") => void;
}

/** Registers the commands of a trigger. */
export function useTriggerCommands(trigger: Trigger, actions: Actions): void {
  const latest = useRef(actions);
  latest.current = actions;
  useCommands(useMemo(() => {
    const { paused } = trigger;
    const kind = kindOf(trigger);
    const isSecret = trigger.webhook !== undefined && methodOf(trigger) === "capabilityUrl";
    const offered: readonly (readonly [isOffered: boolean, label: string, run: () => void])[] = [
      [kind === "schedule", "Run the schedule now", () => latest.current.runNow()],
      [
        true,
        paused ? "Resume trigger" : "Pause trigger",
        () => latest.current.setPaused(!paused),
      ],
      [true, "Edit trigger", () => latest.current.edit()],
      [
        kind !== "schedule" && !isSecret,
        "Copy trigger URL",
        () => void copy(addressOf(trigger), "Copied the URL"),
      ],
      [hasSecret(trigger), "Rotate the secret …", () => latest.current.ask("rotate")],
      [true, "Delete trigger …", () => latest.current.ask("erase")],
    ];
    return offered.flatMap(([isOffered, label, run]): Command[] =>
      isOffered ? [{ label, group: "This trigger", run }] : []
    );
  }, [trigger]));
}
